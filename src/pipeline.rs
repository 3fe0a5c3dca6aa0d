//! Sources to policy, findings and digest: the one way that `zoned`,
//! `zonectl verify` and the tests go.
