//! What a shape of configuration is: the vocabulary of [`super::keys`].
//!
//! A shape drives three things alike: validation, merging of files, and the
//! JSON Schema.

/// What may stand as a value.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// A string.
    Text,
    /// A truth value.
    Bool,
    /// An integer in this closed range.
    Integer(i64, i64),
    /// One of these strings.
    Choice(&'static [Choice]),
    /// A date or date-time, or a string that reads as one.
    Moment,
    /// A time of day, or a string that reads as one.
    Clock,
    /// A string or a list of strings; with true at least one.
    Texts(bool),
    /// A table with these keys.
    Table(&'static [Key]),
    /// A table of names chosen by the administrator, each with this shape. Files add to it.
    Names(&'static Shape),
    /// An array of tables with these keys. Files add to it.
    Rows(&'static [Key]),
    /// A string, or a table with these keys.
    TextOrTable(&'static [Key]),
    /// A table with these keys, or a list of such tables, at least one.
    TableOrRows(&'static [Key]),
    /// Anything, of a key that is not built.
    Unread,
}

/// One string of a [`Shape::Choice`].
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    /// The string.
    pub text: &'static str,
    /// False: known, but refused on this build.
    pub built: bool,
}

/// A choice in force.
pub const fn choice(text: &'static str) -> Choice {
    Choice { text, built: true }
}

/// A choice that this build refuses (Z012).
pub const fn later(text: &'static str) -> Choice {
    Choice { text, built: false }
}

/// Whether a key is in force on this build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// In force.
    Built,
    /// Known, refused with Z012 whatever it says.
    Later,
}

/// One key of a table.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What may stand there.
    pub shape: Shape,
    /// Whether it must.
    pub required: bool,
    /// Whether this build has it.
    pub support: Support,
    /// The message that explains it in one line.
    pub doc: &'static str,
}

impl Key {
    /// An optional key in force.
    pub const fn new(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self { name, shape, required: false, support: Support::Built, doc }
    }

    /// A key that must be given.
    pub const fn required(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self { name, shape, required: true, support: Support::Built, doc }
    }

    /// A key that this build refuses.
    pub const fn later(name: &'static str, doc: &'static str) -> Self {
        Self { name, shape: Shape::Unread, required: false, support: Support::Later, doc }
    }
}
