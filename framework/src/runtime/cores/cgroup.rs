//! What the control groups of this process leave it.
//!
//! Version 2 has one hierarchy, version 1 one for each controller; a machine may have both. A limit of a group holds for
//! all below it, so the least on the way up to the root counts. A container sees its own group as the root, and
//! `/proc/self/cgroup` then names a path that is not there: the root's own files are looked at in any case.

use std::path::{Path, PathBuf};

use super::CpuSet;
use super::machine::{read_number, read_set, read_text};

/// What the groups say, where they say anything.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Limits {
    /// How much processor time in a second of time: 1.5 is one and a half processors.
    pub(super) quota: Option<f64>,
    pub(super) cores: Option<CpuSet>,
}

pub(super) fn read(root: &Path) -> Limits {
    let mut limits = Limits::default();
    let membership = read_text(&root.join("proc/self/cgroup")).unwrap_or_default();
    for line in membership.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let base = root.join("sys/fs/cgroup");
        let has = |name| controllers.split(',').any(|controller| controller == name);
        if controllers.is_empty() {
            for mount in [base.clone(), base.join("unified")] {
                limits.lower(upward(&mount, path), quota_v2, "cpuset.cpus.effective");
            }
        } else if has("cpu") || has("cpuset") {
            for mount in [base.join(controllers), base.join("cpu"), base.join("cpuset")] {
                limits.lower(upward(&mount, path), quota_v1, "cpuset.effective_cpus");
            }
        }
    }
    limits
}

impl Limits {
    fn lower(&mut self, folders: impl Iterator<Item = PathBuf>, quota: fn(&Path) -> Option<f64>, set: &str) {
        for folder in folders {
            if let Some(quota) = quota(&folder) {
                self.quota = Some(self.quota.map_or(quota, |least| least.min(quota)));
            }
            if let Some(cores) = read_set(&folder.join(set)).filter(|cores| !cores.is_empty()) {
                self.cores = Some(self.cores.as_ref().map_or_else(|| cores.clone(), |both| both.and(&cores)));
            }
        }
    }
}

/// The folder of a group below `mount`, and those above it, up to the mount.
pub(crate) fn upward(mount: &Path, path: &str) -> impl Iterator<Item = PathBuf> + use<> {
    let mount = mount.to_owned();
    // Nothing but names: a path with `..` is of a group outside this process's own root.
    let inner = Path::new(path.trim_start_matches('/'));
    let is_inside = inner.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    let parts: Vec<_> = if is_inside { inner.ancestors().map(Path::to_owned).collect() } else { Vec::new() };
    let root = parts.is_empty().then(PathBuf::new);
    parts.into_iter().chain(root).map(move |part| mount.join(part))
}

/// `cpu.max`: `150000 100000`, or `max 100000`.
pub(crate) fn quota_v2(folder: &Path) -> Option<f64> {
    let text = read_text(&folder.join("cpu.max"))?;
    let (quota, period) = text.trim().split_once(' ')?;
    processors(quota.parse().ok()?, period.parse().ok()?)
}

fn quota_v1(folder: &Path) -> Option<f64> {
    // -1 where there is no limit.
    processors(
        read_number(&folder.join("cpu.cfs_quota_us"))?,
        read_number(&folder.join("cpu.cfs_period_us"))?,
    )
}

fn processors(quota: i64, period: i64) -> Option<f64> {
    (quota > 0 && period > 0).then(|| quota as f64 / period as f64)
}
