//! The last so many of a row.

use std::collections::VecDeque;

/// Adds to a list that keeps the last `len_max`.
pub(super) fn keep_last<T>(list: &mut VecDeque<T>, len_max: usize, item: T) {
    if list.len() == len_max {
        list.pop_front();
    }
    list.push_back(item);
}
