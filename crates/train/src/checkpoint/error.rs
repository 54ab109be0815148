//! What can be wrong with the bytes of a checkpoint.

/// Why bytes are no checkpoint, or not one that fits: the message names the section.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The bytes begin otherwise than every checkpoint does.
    #[error("no checkpoint: it begins with {found:?} instead of \"GRADUSCP\"")]
    Magic {
        /// The first bytes, eight at most.
        found: String,
    },

    /// A later version of this crate wrote it.
    #[error("format version {found}: this version of gradus-train reads 1 to {newest}; a newer one would read it")]
    Version {
        /// The version.
        found: u32,
        /// The newest version that can be read.
        newest: u32,
    },

    /// The bytes end too early: writing them was interrupted, or they were cut.
    #[error("{section}: {needed} bytes should follow, and {left} are left: the file has been cut")]
    Cut {
        /// Where.
        section: String,
        /// The bytes that should follow.
        needed: u64,
        /// The bytes that are left.
        left: usize,
    },

    /// The bytes are not those that were written.
    #[error("{section}: the checksum is {found:08x} instead of {expected:08x}: the file has been damaged")]
    Checksum {
        /// Where.
        section: String,
        /// The checksum of the bytes.
        found: u32,
        /// The checksum that was written with them.
        expected: u32,
    },

    /// A section that every checkpoint has is not there.
    #[error("there is no section {section}")]
    Missing {
        /// Its name.
        section: &'static str,
    },

    /// What a section holds makes no sense.
    #[error("{section}: {reason}")]
    Content {
        /// Where.
        section: String,
        /// What is wrong.
        reason: String,
    },

    /// More bytes follow than belong to the checkpoint.
    #[error("{bytes} bytes follow behind the last section")]
    Trailing {
        /// How many.
        bytes: usize,
    },

    /// Numbers of another type: they would have to be rounded, and training would not go on in the same bits.
    #[error("{section}: {name} holds numbers of type {found}; this model's are {expected}")]
    Element {
        /// Where.
        section: String,
        /// The array.
        name: String,
        /// The type in the file.
        found: &'static str,
        /// The type of the model.
        expected: &'static str,
    },
}
