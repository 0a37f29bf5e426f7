//! What the hosts are called: one entry for a whole fleet.

use crate::host::NodeNames;

/// The names of all hosts. The members of a fleet follow one another, so one entry says them all.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// The first host of each run of members, and its names.
    runs: Vec<(u32, NodeNames)>,
    hosts: u32,
}

impl Names {
    /// Names the next host.
    pub(super) fn push(&mut self, names: NodeNames) {
        let continues = self.runs.last().is_some_and(|(first, known)| {
            let index = known.index + (self.hosts - first);
            *known == NodeNames { index: known.index, ..names.clone() } && names.index == index
        });
        if !continues {
            self.runs.push((self.hosts, names));
        }
        self.hosts += 1;
    }

    /// The names of a host that was named.
    pub(super) fn of(&self, host: u32) -> NodeNames {
        let (first, known) = &self.runs[self.runs.partition_point(|(first, _)| *first <= host) - 1];
        NodeNames { index: known.index + (host - first), ..known.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_fleet_is_one_entry_and_every_host_keeps_its_name() {
        let fleet = |group: &str, count: u32| {
            let group: Arc<str> = Arc::from(group);
            (0..count).map(move |index| NodeNames { group: group.clone(), index, fleet: count > 1 })
        };
        let all: Vec<NodeNames> =
            fleet("a", 3).chain(fleet("b", 1)).chain(fleet("a", 2)).chain(fleet("a", 2)).collect();
        let mut names = Names::default();
        all.iter().for_each(|one| names.push(one.clone()));
        assert_eq!(names.runs.len(), 4);
        for (host, one) in (0..).zip(&all) {
            assert_eq!(names.of(host), *one);
        }
        assert_eq!((names.of(1).name(), names.of(3).name()), ("a[1]".to_owned(), "b".to_owned()));
    }
}
