//! Exact algebra of packet spaces: union, intersection, difference, witness.
