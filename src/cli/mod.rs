//! The command `zonectl`: one file a command.
