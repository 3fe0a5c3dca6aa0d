//! nflog
