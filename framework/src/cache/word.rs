//! Values that fit a machine word, as one: integers, floats, `bool` and `char`.
//!
//! Which types are meant is known when the code is compiled, and nothing of the looking is left in it.

use std::any::Any;

macro_rules! words {
    ($($type:ty: $to:expr, $from:expr;)+) => {
        /// Whether `T` is one of them.
        #[inline]
        pub(super) fn is<T: 'static>() -> bool {
            let of = std::any::TypeId::of::<T>();
            $(of == std::any::TypeId::of::<$type>())||+
        }

        /// The value as a word, if it is one.
        #[inline]
        pub(super) fn from<T: 'static>(value: &T) -> Option<u64> {
            let value: &dyn Any = value;
            $(if let Some(value) = value.downcast_ref::<$type>() {
                return Some(*value).map($to);
            })+
            None
        }

        /// The value that a word was made from; `None` if `T` is no word.
        #[inline]
        pub(super) fn into<T: 'static>(word: u64) -> Option<T> {
            let mut value: Option<T> = None;
            let place: &mut dyn Any = &mut value;
            $(if let Some(place) = place.downcast_mut::<Option<$type>>() {
                *place = Some(word).and_then($from);
            })+
            value
        }
    };
}

words! {
    u64: |n| n, Some;
    i64: |n| n as u64, |n| Some(n as i64);
    usize: |n| n as u64, |n| Some(n as usize);
    isize: |n| n as u64, |n| Some(n as isize);
    u32: u64::from, |n| Some(n as u32);
    i32: |n| n as u64, |n| Some(n as i32);
    u16: u64::from, |n| Some(n as u16);
    i16: |n| n as u64, |n| Some(n as i16);
    u8: u64::from, |n| Some(n as u8);
    i8: |n| n as u64, |n| Some(n as i8);
    f64: f64::to_bits, |n| Some(f64::from_bits(n));
    f32: |n| n.to_bits().into(), |n| Some(f32::from_bits(n as u32));
    bool: u64::from, |n| Some(n != 0);
    char: |c| u32::from(c).into(), |n| char::from_u32(n as u32);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back<T: PartialEq + Copy + std::fmt::Debug + 'static>(values: &[T]) {
        assert!(is::<T>());
        for value in values {
            assert_eq!(into::<T>(from(value).unwrap()), Some(*value));
        }
    }

    #[test]
    fn a_word_comes_back_as_what_it_was() {
        there_and_back(&[u64::MIN, u64::MAX]);
        there_and_back(&[i64::MIN, -1, i64::MAX]);
        there_and_back(&[usize::MIN, usize::MAX]);
        there_and_back(&[isize::MIN, isize::MAX]);
        there_and_back(&[u32::MIN, u32::MAX]);
        there_and_back(&[i32::MIN, -1, i32::MAX]);
        there_and_back(&[u16::MIN, u16::MAX]);
        there_and_back(&[i16::MIN, -1, i16::MAX]);
        there_and_back(&[u8::MIN, u8::MAX]);
        there_and_back(&[i8::MIN, -1, i8::MAX]);
        there_and_back(&[f64::MIN, -0.5, f64::INFINITY]);
        there_and_back(&[f32::MIN, -0.5, f32::INFINITY]);
        there_and_back(&[true, false]);
        there_and_back(&['a', char::MAX]);
    }

    #[test]
    fn what_is_no_word_is_told_so() {
        assert!(!is::<String>() && !is::<u128>() && !is::<[u8; 8]>());
        assert_eq!(from(&String::new()), None);
        assert_eq!(into::<[u8; 8]>(0), None);
    }
}
