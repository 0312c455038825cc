//! What the process's control group allows, and what it uses: a container's limits.
//!
//! Only of cgroup v2 (cgroups(7), and the kernel's `Documentation/admin-guide/cgroup-v2.rst`). A limit is the least one on
//! the way up to the root that this process can see. Where there is no such group, or no such file, all is absent.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::runtime::cores::cgroup::{quota_v2, upward};

/// The process's control group.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Container {
    /// How many processors' time it may use. `None` also where there is no limit.
    pub cpus_max: Option<f64>,
    /// Processor time used by all of its processes.
    pub cpu: Option<Duration>,
    /// Periods in which it could have run out of its processor time.
    pub periods: Option<u64>,
    /// Those of them in which it did.
    pub periods_throttled: Option<u64>,
    /// How long it was kept waiting then.
    pub throttled: Option<Duration>,
    /// Memory of all of its processes, in bytes, the page cache that they caused included.
    pub memory_bytes: Option<u64>,
    /// The most that it may have. `None` also where there is no limit.
    pub memory_max_bytes: Option<u64>,
    /// Times that a process of it was killed for want of memory.
    pub oom_kills: Option<u64>,
}

/// Where the group's files are: found once.
pub(super) struct GroupFiles {
    /// The group, then the groups that it is in.
    folders: Vec<PathBuf>,
}

impl Default for GroupFiles {
    fn default() -> Self {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        GroupFiles { folders: folders(&groups, Path::new("/sys/fs/cgroup")) }
    }
}

/// The line of version 2 is `0::/path`.
fn folders(groups: &str, root: &Path) -> Vec<PathBuf> {
    let Some(path) = groups.lines().find_map(|line| line.strip_prefix("0::")) else { return Vec::new() };
    // A root without this file is version 1's.
    upward(root, path).filter(|folder| folder.join("cgroup.controllers").exists()).collect()
}

impl GroupFiles {
    pub(super) fn read(&self) -> Container {
        let Some(group) = self.folders.first() else { return Container::default() };
        let stat = read(group, "cpu.stat").unwrap_or_default();
        let micros = |key| value_of(&stat, key).map(Duration::from_micros);
        let least = |name| {
            let limits = self.folders.iter().filter_map(|folder| read(folder, name)?.trim().parse().ok());
            limits.min()
        };
        let cpus = self.folders.iter().filter_map(|folder| quota_v2(folder));
        Container {
            cpus_max: cpus.min_by(f64::total_cmp),
            cpu: micros("usage_usec"),
            periods: value_of(&stat, "nr_periods"),
            periods_throttled: value_of(&stat, "nr_throttled"),
            throttled: micros("throttled_usec"),
            memory_bytes: read(group, "memory.current").and_then(|text| text.trim().parse().ok()),
            memory_max_bytes: least("memory.max"),
            oom_kills: read(group, "memory.events").and_then(|events| value_of(&events, "oom_kill")),
        }
    }
}

fn read(folder: &Path, name: &str) -> Option<String> {
    fs::read_to_string(folder.join(name)).ok()
}

/// The value in a file of lines `key value`.
fn value_of(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(root: &Path, path: &str, files: &[(&str, &str)]) {
        let folder = root.join(path);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("cgroup.controllers"), "cpu memory").unwrap();
        files.iter().for_each(|(name, text)| fs::write(folder.join(name), text).unwrap());
    }

    #[test]
    fn limits_are_the_least_on_the_way_up_and_use_is_the_groups_own() {
        let root = tempfile::tempdir().unwrap();
        group(root.path(), "", &[]);
        group(root.path(), "pod", &[("cpu.max", "150000 100000\n"), ("memory.max", "max\n")]);
        let stat = "usage_usec 2500000\nuser_usec 1\nnr_periods 40\nnr_throttled 7\nthrottled_usec 90000\n";
        let own = [
            ("cpu.max", "max 100000\n"),
            ("cpu.stat", stat),
            ("memory.current", "1048576\n"),
            ("memory.max", "4194304\n"),
            ("memory.events", "low 0\nhigh 0\noom 2\noom_kill 1\noom_group_kill 5\n"),
        ];
        group(root.path(), "pod/app", &own);
        let folders = folders("1:cpu:/elsewhere\n0::/pod/app\n", root.path());
        assert_eq!(folders.len(), 3);
        let expected = Container {
            cpus_max: Some(1.5),
            cpu: Some(Duration::from_millis(2_500)),
            periods: Some(40),
            periods_throttled: Some(7),
            throttled: Some(Duration::from_millis(90)),
            memory_bytes: Some(1 << 20),
            memory_max_bytes: Some(4 << 20),
            oom_kills: Some(1),
        };
        assert_eq!(GroupFiles { folders }.read(), expected);
    }

    #[test]
    fn where_there_is_no_group_of_version_2_all_is_absent() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(folders("4:memory:/app\n", root.path()), Vec::<PathBuf>::new());
        assert_eq!(folders("0::/\n", root.path()), Vec::<PathBuf>::new(), "a root of version 1");
        assert_eq!(GroupFiles { folders: Vec::new() }.read(), Container::default());
    }
}
