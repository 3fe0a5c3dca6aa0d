//! Denied-flow records: decoding of logged packets, names, reasons, aggregation.
