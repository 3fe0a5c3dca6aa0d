//! The policy in normal form: which class of sources meets which destinations under which entry.
