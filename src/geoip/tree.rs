//! The search tree of an mmdb (MaxMind DB file format 2.0), folded: equal subtrees are one, which
//! leaves a third of the nodes of a country database, and the first 16 bits of an address are one
//! step.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use thiserror::Error;

/// What is wrong with a tree.
#[derive(Debug, Error)]
pub enum TreeFault {
    /// The file ends before its tree does.
    #[error("the search tree is cut short")]
    Short,
    /// A node leads back to itself, or further than an address has bits.
    #[error("the search tree is deeper than an address has bits")]
    Deep,
    /// More nodes or records than there are numbers for.
    #[error("the search tree is too large")]
    Large,
}

/// The layout of a tree in its file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) nodes: u32,
    /// Of one of a node's two references: 24, 28 or 32.
    pub(super) record_bits: u16,
    /// Whether addresses have 32 bits, or 128.
    pub(super) is_v4: bool,
}

/// Where a search goes on: a node's number, a number beyond [`FOUND`], or [`NOTHING`].
type Step = u32;

/// Beyond this, a step is the number of a leaf.
const FOUND: Step = 1 << 31;

/// No leaf.
const NOTHING: Step = Step::MAX;

/// Bits of an address that the first step takes.
const FIRST_BITS: u32 = 16;

/// A folded tree. No node leads back to itself.
pub(super) struct Tree {
    nodes: Box<[[Step; 2]]>,
    /// By the first [`FIRST_BITS`] of an address.
    v4: Box<[Step]>,
    /// Empty if the tree is one of IPv4.
    v6: Box<[Step]>,
}

impl Tree {
    /// Reads the tree at the beginning of a file. `leaf` is asked once for each distinct record,
    /// with an address that leads to it, and numbers it, or says that it is as good as none.
    pub(super) fn fold<E: From<TreeFault>>(
        file: &[u8],
        shape: Shape,
        leaf: impl FnMut(IpAddr) -> Result<Option<usize>, E>,
    ) -> Result<Self, E> {
        let raw = raw_nodes(file, shape).ok_or(TreeFault::Short)?;
        let mut folding = Folding {
            states: vec![State::Unseen; raw.len()],
            raw: &raw,
            shape,
            leaves: HashMap::default(),
            nodes: Vec::new(),
            numbers: HashMap::default(),
            leaf,
        };
        let root = folding.run()?;
        let mut tree = Self {
            nodes: folding.nodes.into_boxed_slice(),
            v4: Box::default(),
            v6: Box::default(),
        };
        if shape.is_v4 {
            tree.v4 = tree.first_steps(root);
        } else {
            tree.v6 = tree.first_steps(root);
            // IPv4 lies at ::/96.
            let start = tree.walk(root, 0, 96);
            tree.v4 = tree.first_steps(start);
        }
        Ok(tree)
    }

    /// The number of the leaf for an address.
    pub(super) fn find(&self, address: IpAddr) -> Option<usize> {
        let found = match address {
            IpAddr::V4(address) => {
                let bits = address.to_bits();
                let first = *self.v4.get((bits >> (32 - FIRST_BITS)) as usize)?;
                self.walk(first, u64::from(bits << FIRST_BITS) << 32, 64)
            }
            IpAddr::V6(address) => {
                let bits = address.to_bits();
                let first = *self.v6.get((bits >> (128 - FIRST_BITS)) as usize)?;
                let high = self.walk(first, (bits >> 64 << FIRST_BITS) as u64, 64 - FIRST_BITS);
                self.walk(high, bits as u64, 64)
            }
        };
        (FOUND..NOTHING)
            .contains(&found)
            .then(|| (found - FOUND) as usize)
    }

    /// Of each node, the share of the addresses below it whose leaf counts.
    pub(super) fn weights(&self, counts: impl Fn(usize) -> bool) -> Weights {
        let mut weights = Weights {
            nodes: Vec::with_capacity(self.nodes.len()),
            leaves: Vec::new(),
        };
        let leaves = self.nodes.iter().flatten().chain(&self.v4).chain(&self.v6);
        let leaves = leaves.filter(|step| (FOUND..NOTHING).contains(*step));
        let most = leaves.max().map_or(0, |step| step - FOUND + 1);
        weights.leaves = (0..most as usize).map(counts).collect();
        // A node is numbered after those that it leads to.
        for [zero, one] in &self.nodes {
            let share = f64::midpoint(weights.of(*zero), weights.of(*one));
            weights.nodes.push(share);
        }
        weights
    }

    /// The share of a network's addresses whose leaf counts. None of IPv6 in a tree of IPv4.
    pub(super) fn share(&self, network: IpAddr, length: u32, weights: &Weights) -> f64 {
        let (steps, bits) = match network {
            IpAddr::V4(network) => (&self.v4, u64::from(network.to_bits()) << 32),
            IpAddr::V6(network) => (&self.v6, (network.to_bits() >> 64) as u64),
        };
        let first = (bits >> (64 - FIRST_BITS)) as usize;
        let Some(beyond) = length.checked_sub(FIRST_BITS) else {
            let count = 1 << (FIRST_BITS - length);
            let below = steps.get(first..first + count).unwrap_or_default();
            return below.iter().map(|step| weights.of(*step)).sum::<f64>() / count as f64;
        };
        let step = steps.get(first).copied().unwrap_or(NOTHING);
        weights.of(self.walk(step, bits << FIRST_BITS, beyond))
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        size_of_val(&*self.nodes) + size_of_val(&*self.v4) + size_of_val(&*self.v6)
    }

    /// Takes at most `limit` steps by the bits of `bits`, highest first.
    fn walk(&self, mut step: Step, mut bits: u64, limit: u32) -> Step {
        for _ in 0..limit {
            let Some([zero, one]) = self.nodes.get(step as usize) else {
                break;
            };
            step = if bits >> 63 == 0 { *zero } else { *one };
            bits <<= 1;
        }
        step
    }

    fn first_steps(&self, start: Step) -> Box<[Step]> {
        (0..1 << FIRST_BITS)
            .map(|bits: u64| self.walk(start, bits << (64 - FIRST_BITS), FIRST_BITS))
            .collect()
    }
}

impl std::fmt::Debug for Tree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tree({} nodes)", self.nodes.len())
    }
}

/// See [`Tree::weights`].
pub(super) struct Weights {
    nodes: Vec<f64>,
    /// Whether a leaf counts.
    leaves: Vec<bool>,
}

impl Weights {
    fn of(&self, step: Step) -> f64 {
        match step.checked_sub(FOUND) {
            None => self.nodes.get(step as usize).copied().unwrap_or(0.0),
            Some(leaf) => {
                let counts = self.leaves.get(leaf as usize).copied();
                f64::from(u8::from(counts.unwrap_or(false)))
            }
        }
    }
}

/// Nodes as the file has them, in this machine's numbers.
fn raw_nodes(file: &[u8], shape: Shape) -> Option<Vec<[u32; 2]>> {
    let width = usize::from(shape.record_bits) / 4;
    let bytes = file.get(..width.checked_mul(shape.nodes as usize)?)?;
    let nodes = bytes.chunks_exact(width);
    Some(match shape.record_bits {
        24 => nodes
            .map_while(|node| {
                let &[a, b, c, d, e, f] = node.as_array()?;
                Some([[0, a, b, c], [0, d, e, f]].map(u32::from_be_bytes))
            })
            .collect(),
        // The shared byte has the highest bits of both, the left one's first.
        28 => nodes
            .map_while(|node| {
                let &[a, b, c, both, d, e, f] = node.as_array()?;
                Some([[both >> 4, a, b, c], [both & 0x0f, d, e, f]].map(u32::from_be_bytes))
            })
            .collect(),
        _ => nodes
            .map_while(|node| {
                let &[a, b, c, d, e, f, g, h] = node.as_array()?;
                Some([[a, b, c, d], [e, f, g, h]].map(u32::from_be_bytes))
            })
            .collect(),
    })
}

/// What has become of a node of the file.
#[derive(Clone, Copy)]
enum State {
    Unseen,
    /// Its subtree is being folded.
    Open,
    /// Folded to this step, from so many levels.
    Done(Step, u8),
}

/// A tree while it is folded, from the leaves up.
struct Folding<'a, F> {
    raw: &'a [[u32; 2]],
    shape: Shape,
    states: Vec<State>,
    /// By the number that the file has for them.
    leaves: HashMap<u32, Step, BuildHasherDefault<Mixed>>,
    nodes: Vec<[Step; 2]>,
    /// Where a node with these steps is among `nodes`.
    numbers: HashMap<u64, Step, BuildHasherDefault<Mixed>>,
    leaf: F,
}

impl<E: From<TreeFault>, F: FnMut(IpAddr) -> Result<Option<usize>, E>> Folding<'_, F> {
    /// Folds everything below the root. Each node is visited once, however many lead to it.
    fn run(&mut self) -> Result<Step, E> {
        let bits = if self.shape.is_v4 { 32 } else { 128 };
        // Open nodes from the root down, with the bits that lead to them.
        let mut path: Vec<(u32, u128)> = vec![(0, 0)];
        while let Some(&(node, prefix)) = path.last() {
            let children = *self.raw.get(node as usize).ok_or(TreeFault::Short)?;
            let depth = path.len();
            if depth > bits {
                return Err(TreeFault::Deep.into());
            }
            self.set(node, State::Open);
            let one = prefix | 1 << (bits - depth);
            let zero = self.child(children[0], prefix, &mut path)?;
            let one = match zero {
                Some(_) => self.child(children[1], one, &mut path)?,
                None => None,
            };
            let (Some((zero, left)), Some((one, right))) = (zero, one) else {
                continue;
            };
            let levels = left.max(right) + 1;
            if depth - 1 + usize::from(levels) > bits {
                return Err(TreeFault::Deep.into());
            }
            let step = self.node([zero, one])?;
            self.set(node, State::Done(step, levels));
            path.pop();
        }
        match self.states.first() {
            Some(State::Done(step, _)) => Ok(*step),
            _ => Err(TreeFault::Short.into()),
        }
    }

    /// What a reference leads to; `None` if that must be folded first, and is now on the path.
    fn child(
        &mut self,
        reference: u32,
        prefix: u128,
        path: &mut Vec<(u32, u128)>,
    ) -> Result<Option<(Step, u8)>, E> {
        match self.states.get(reference as usize) {
            Some(State::Done(step, levels)) => Ok(Some((*step, *levels))),
            Some(State::Open) => Err(TreeFault::Deep.into()),
            Some(State::Unseen) => {
                path.push((reference, prefix));
                Ok(None)
            }
            None if reference == self.shape.nodes => Ok(Some((NOTHING, 0))),
            None => self.leaf(reference, prefix).map(|step| Some((step, 0))),
        }
    }

    fn leaf(&mut self, reference: u32, prefix: u128) -> Result<Step, E> {
        if let Some(step) = self.leaves.get(&reference) {
            return Ok(*step);
        }
        let address = if self.shape.is_v4 {
            Ipv4Addr::from_bits(prefix as u32).into()
        } else {
            Ipv6Addr::from_bits(prefix).into()
        };
        let step = match (self.leaf)(address)? {
            Some(number) => numbered(number)? | FOUND,
            None => NOTHING,
        };
        self.leaves.insert(reference, step);
        Ok(step)
    }

    /// The number of a node, which is new only if there is no equal one.
    fn node(&mut self, steps: [Step; 2]) -> Result<Step, TreeFault> {
        if steps[0] == steps[1] && steps[0] >= FOUND {
            return Ok(steps[0]);
        }
        let key = u64::from(steps[0]) << 32 | u64::from(steps[1]);
        if let Some(number) = self.numbers.get(&key) {
            return Ok(*number);
        }
        let number = numbered(self.nodes.len())?;
        self.nodes.push(steps);
        self.numbers.insert(key, number);
        Ok(number)
    }

    fn set(&mut self, node: u32, state: State) {
        if let Some(place) = self.states.get_mut(node as usize) {
            *place = state;
        }
    }
}

/// A number that fits beside [`FOUND`] and is not [`NOTHING`].
fn numbered(number: usize) -> Result<Step, TreeFault> {
    Step::try_from(number)
        .ok()
        .filter(|number| *number < NOTHING - FOUND)
        .ok_or(TreeFault::Large)
}

/// A quick hash of one number; nobody chooses them to collide.
#[derive(Clone, Copy, Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64((*byte).into()));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_in_every_width() {
        let file = [0x23, 0x45, 0x67, 0x18, 0x9a, 0xbc, 0xde, 0xf0];
        for (record_bits, expected) in [
            (24, [0x0023_4567, 0x0018_9abc]),
            (28, [0x0123_4567, 0x089a_bcde]), // the example of the format's description
            (32, [0x2345_6718, 0x9abc_def0]),
        ] {
            let shape = Shape {
                nodes: 1,
                record_bits,
                is_v4: true,
            };
            assert_eq!(
                raw_nodes(&file, shape),
                Some(vec![expected]),
                "{record_bits}"
            );
            let more = Shape { nodes: 2, ..shape };
            assert_eq!(raw_nodes(&file, more), None, "{record_bits}");
        }
    }
}
