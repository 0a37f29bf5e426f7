//! Hosts and forwarding nodes, the links between them, and shortest paths.

use petgraph::algo::dijkstra;
use petgraph::graph::{NodeIndex as GraphNode, UnGraph};
use petgraph::visit::EdgeRef;
use smallvec::SmallVec;
use std::fmt;

/// A node of the topology: a host or something that forwards.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct NodeIndex(pub u32);

/// The directions of links from one host to another, in order. Direction `2 * link` leads from the
/// link's first end to its second, `2 * link + 1` back.
pub type Route = SmallVec<[u32; 4]>;

/// There is no path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RouteError {
    /// Where the path would begin.
    pub from: NodeIndex,
    /// Where it would end.
    pub to: NodeIndex,
}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no path of links leads from node {} to node {}", self.from.0, self.to.0)
    }
}

impl std::error::Error for RouteError {}

/// The graph of nodes and links. Link `n` is the `n`-th that was added.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    graph: UnGraph<(), u64, u32>,
}

impl Topology {
    /// No nodes.
    #[must_use]
    pub fn new() -> Self {
        Topology::default()
    }

    /// Adds a host or a forwarding node.
    pub fn add_node(&mut self) -> NodeIndex {
        NodeIndex(self.graph.add_node(()).index() as u32)
    }

    /// Joins two nodes; `cost` is what routes minimise, here the propagation delay in nanoseconds
    /// and one for the hop. Returns the number of the link.
    pub fn add_link(&mut self, a: NodeIndex, b: NodeIndex, cost: u64) -> u32 {
        self.graph.add_edge(GraphNode::new(a.0 as usize), GraphNode::new(b.0 as usize), cost).index() as u32
    }

    /// Number of links at `node`.
    #[must_use]
    pub fn degree(&self, node: NodeIndex) -> usize {
        self.graph.edges(GraphNode::new(node.0 as usize)).count()
    }

    /// The shortest paths to `to` from each node of `from`, by one run of Dijkstra's algorithm.
    ///
    /// Of several shortest paths the one over the links added first is taken, so that a route does
    /// not depend on the order in which `dijkstra`'s map is laid out; the map is only looked up.
    ///
    /// # Errors
    /// When a node of `from` cannot reach `to`.
    pub fn routes_to(&self, to: NodeIndex, from: &[NodeIndex]) -> Result<Vec<Route>, RouteError> {
        let target = GraphNode::new(to.0 as usize);
        let found = dijkstra(&self.graph, target, None, |edge| *edge.weight());
        let distances: Vec<Option<u64>> =
            self.graph.node_indices().map(|node| found.get(&node).copied()).collect();
        // Nodes on the way are shared by many routes: each finds its next step once.
        let mut next_steps = vec![None; distances.len()];
        from.iter()
            .map(|&start| {
                let mut route = Route::new();
                let mut node = GraphNode::new(start.0 as usize);
                if distances[node.index()].is_none() {
                    return Err(RouteError { from: start, to });
                }
                while node != target {
                    let (direction, next) =
                        *next_steps[node.index()].get_or_insert_with(|| self.next_step(node, &distances));
                    route.push(direction);
                    node = next;
                }
                Ok(route)
            })
            .collect()
    }

    /// The first link of a shortest path from `node`, as a direction, and where it leads.
    fn next_step(&self, node: GraphNode, distances: &[Option<u64>]) -> (u32, GraphNode) {
        let left = distances[node.index()].expect("a node with a path");
        let step = self
            .graph
            .edges(node)
            .filter(|edge| distances[edge.target().index()].is_some_and(|d| d + edge.weight() == left))
            .min_by_key(|edge| edge.id())
            .expect("a shortest path goes on until it ends");
        let (first, _) = self.graph.edge_endpoints(step.id()).expect("an edge of the graph");
        (2 * step.id().index() as u32 + u32::from(first != node), step.target())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_follow_the_cheapest_links_and_know_their_direction() {
        let mut topology = Topology::new();
        let nodes: Vec<_> = (0..4).map(|_| topology.add_node()).collect();
        let slow = topology.add_link(nodes[0], nodes[3], 100);
        let a = topology.add_link(nodes[0], nodes[1], 10);
        let b = topology.add_link(nodes[2], nodes[1], 10);
        let c = topology.add_link(nodes[2], nodes[3], 10);
        let routes = topology.routes_to(nodes[3], &nodes).unwrap();
        assert_eq!(routes[0].as_slice(), [2 * a, 2 * b + 1, 2 * c]);
        assert_eq!(routes[1].as_slice(), [2 * b + 1, 2 * c]);
        assert!(routes[3].is_empty());
        assert_ne!(routes[0][0], 2 * slow);
    }

    #[test]
    fn ties_go_to_the_link_added_first() {
        let mut topology = Topology::new();
        let nodes: Vec<_> = (0..4).map(|_| topology.add_node()).collect();
        let first = topology.add_link(nodes[0], nodes[1], 5);
        topology.add_link(nodes[0], nodes[2], 5);
        topology.add_link(nodes[2], nodes[3], 5);
        topology.add_link(nodes[1], nodes[3], 5);
        for _ in 0..20 {
            assert_eq!(topology.routes_to(nodes[3], &nodes[..1]).unwrap()[0][0], 2 * first);
        }
    }

    #[test]
    fn a_node_without_a_path_is_an_error() {
        let mut topology = Topology::new();
        let (a, b) = (topology.add_node(), topology.add_node());
        assert_eq!(topology.routes_to(b, &[a]), Err(RouteError { from: a, to: b }));
    }
}
