//! What the machine has, read from the files of Linux.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::{CpuSet, cgroup};

/// The processors of the machine, and what this process may use of them.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Machine {
    /// Cores that the machine has switched on. `None`: unknown.
    pub online: Option<CpuSet>,
    /// Cores that this process may use: its affinity, and the cpuset of its control groups. `None`: unknown.
    pub allowed: Option<CpuSet>,
    /// How many processors' time the control groups give this process, such as 1.5. `None`: as much as there is.
    pub quota: Option<f64>,
    /// The NUMA nodes, by number. Empty where the machine does not say.
    pub nodes: Vec<Node>,
}

/// A NUMA node: cores, and the memory that is near to them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Node {
    /// Its number.
    pub id: usize,
    /// Its cores; none on a node that is memory only.
    pub cores: CpuSet,
}

/// A file of these is a line or a page.
const FILE_LEN_MAX: u64 = 64 * 1024;

impl Machine {
    /// Reads this machine.
    pub fn read() -> Machine {
        Machine::read_below("/")
    }

    /// Reads the machine whose `/sys` and `/proc` lie below a folder.
    pub fn read_below(root: impl AsRef<Path>) -> Machine {
        let root = root.as_ref();
        let limits = cgroup::read(root);
        let status = read_text(&root.join("proc/self/status")).unwrap_or_default();
        let affinity = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
        let affinity = affinity.and_then(|cores| cores.parse::<CpuSet>().ok());
        let online = read_set(&root.join("sys/devices/system/cpu/online"));
        Machine {
            allowed: [affinity, limits.cores, online.clone()].into_iter().flatten().reduce(|a, b| a.and(&b)),
            online,
            quota: limits.quota,
            nodes: read_nodes(&root.join("sys/devices/system/node")),
        }
    }

    /// The node of a core.
    pub fn node_of(&self, core: usize) -> Option<usize> {
        self.nodes.iter().find(|node| node.cores.contains(core)).map(|node| node.id)
    }

    /// Whether the machine is known not to have this core.
    pub(crate) fn lacks(&self, core: usize) -> bool {
        self.online.as_ref().is_some_and(|online| !online.contains(core))
    }

    pub(super) fn allowed_text(&self) -> String {
        match &self.allowed {
            Some(cores) => format!("cores {cores}"),
            None => "whichever core they may".to_owned(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.nodes[..] {
            [] => f.write_str("nodes unknown")?,
            [_] => f.write_str("1 node")?,
            nodes => write!(f, "{} nodes", nodes.len())?,
        }
        if let Some(online) = &self.online {
            write!(f, ", {} cores", online.len())?;
        }
        if let Some(allowed) = &self.allowed {
            write!(f, ", {} allowed ({allowed})", allowed.len())?;
        }
        if let Some(quota) = self.quota {
            write!(f, ", the time of {quota} by the control group")?;
        }
        Ok(())
    }
}

fn read_nodes(folder: &Path) -> Vec<Node> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut nodes: Vec<Node> = entries
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.strip_prefix("node")?.parse().ok()?;
            Some(Node { id, cores: read_set(&entry.path().join("cpulist"))? })
        })
        .collect();
    nodes.sort_by_key(|node| node.id);
    nodes
}

/// The text of a small file; `None` if it is not there, or no text.
pub(super) fn read_text(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(FILE_LEN_MAX).read_to_string(&mut text).ok()?;
    Some(text)
}

pub(super) fn read_set(path: &Path) -> Option<CpuSet> {
    read_text(path)?.parse().ok()
}

pub(super) fn read_number(path: &Path) -> Option<i64> {
    read_text(path)?.trim().parse().ok()
}
