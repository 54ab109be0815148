//! State dicts from PyTorch's `.pt` and `.pth` files, without running anything that is in them.
//!
//! `torch.save` writes a zip archive: the object as a Python pickle, in which a tensor is a view of a storage, and each
//! storage's bytes as a member of its own.
//!
//! ```text
//! model/data.pkl     {"weight": _rebuild_tensor_v2(storage "0", offset, size, stride, …)}
//! model/byteorder    little
//! model/data/0       the bytes of storage "0"
//! ```
//!
//! A pickle is a program for a small stack machine, and Python's own machine calls whatever function the program names.
//! This one has the opcodes that build data, knows a dozen names, and has for each of them a piece of data to build.

mod globals;
mod names;
mod object;
mod pickle;
mod tensor;

use super::budget::Budget;
use super::element::Order;
use super::zip::Archive;
use super::{StateDict, disk};
use crate::{Error, Result};
use gradus_autograd::Real;
use std::path::Path;

impl<F: Real> StateDict<F> {
    /// Reads the bytes of a file that `torch.save` of PyTorch 1.6 or later wrote. Nothing in it is run. Needs the
    /// feature `interop`.
    ///
    /// What is saved may be a state dict, or a checkpoint that holds some: dicts, lists and tuples, nested up to 64 deep.
    /// An array's name is the keys on the way to it, joined by dots: `{"model": model.state_dict(), "epoch": 3}` gives
    /// `model.weight`, and [`StateDict::part`] takes the model's part out. A tensor saved alone has the name `""`. What is
    /// no tensor is left out.
    ///
    /// Floats of 16, 32 and 64 bits, bfloat16, integers and truth values become the nearest numbers of type `F`, in
    /// whichever byte order they are. Views, transposes too, become arrays of their own in row-major order; the same view
    /// under two names (tied weights) shares memory. Checksums are compared, unless the file was written without. The
    /// memory used is bounded by the file's size: 100 bytes for each of its own and 64 MiB.
    ///
    /// # Examples
    /// ```no_run
    /// use gradus_nn_layers::{Linear, Module, StateDict};
    /// # fn load(mut model: Linear) -> gradus_nn_layers::Result<()> {
    /// let checkpoint = StateDict::load_pt("checkpoint.pt")?; // torch.save({"model": model.state_dict()}, path)
    /// model.load_state_dict(&checkpoint.part("model"))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::LegacyPt`] for the format before PyTorch 1.6; [`Error::Archive`] and [`Error::Member`] if the bytes are no
    /// whole zip archive; [`Error::Global`] if the pickle asks for anything but tensors and plain containers, as that of a
    /// whole model does; [`Error::Pickle`] if it is none; [`Error::Tensor`] if a tensor's numbers are of another type or
    /// not where it says; [`Error::Nesting`] and [`Error::SameName`] if arrays have no names or the same;
    /// [`Error::TooLarge`] if it unpacks to more than its size makes likely.
    pub fn from_pt(bytes: &[u8]) -> Result<Self> {
        if is_legacy(bytes) {
            return Err(Error::LegacyPt);
        }
        let (archive, mut budget) = (Archive::read(bytes)?, Budget::of(bytes.len()));
        let checks = archive.checks();
        let folder = folder(&archive).map_err(|reason| Error::Archive { bytes: bytes.len(), reason })?;
        let member = |name: &str| archive.get(&format!("{folder}{name}"));
        let order = match member("byteorder") {
            None => Order::Little, // files from before PyTorch 2.1
            Some(member) => match &*member.contents(checks, &mut budget)? {
                b"little" => Order::Little,
                b"big" => Order::Big,
                _ => {
                    let reason = "neither `little` nor `big`".to_owned();
                    return Err(Error::Member { name: member.name.to_owned(), reason });
                }
            },
        };
        let pickle = member(PICKLE).expect("the folder is the one that has it").contents(checks, &mut budget)?;
        let (root, nodes) = pickle::read(&pickle, &mut budget)?;
        let names = names::names(root, &nodes, pickle.len(), &mut budget)?;
        let mut storages = tensor::Storages::new(&archive, folder, checks, order, &mut budget);
        let mut dict = Self::new();
        for (name, tensor) in names {
            let array = storages.read(&name, tensor)?;
            dict.insert_new(name, array)?;
        }
        Ok(dict)
    }

    /// Reads a `.pt` or `.pth` file: see [`StateDict::from_pt`]. Needs the feature `interop`.
    ///
    /// # Errors
    /// [`Error::File`] if the file cannot be read, [`Error::InFile`] if it is not what it should be; both name it.
    pub fn load_pt(path: impl AsRef<Path>) -> Result<Self> {
        disk::load(path.as_ref(), Self::from_pt)
    }
}

const PICKLE: &str = "data.pkl";

/// The name of the one folder that everything is in, with its slash.
fn folder<'a>(archive: &Archive<'a>) -> Result<&'a str, &'static str> {
    let folder = |name: &'a str| {
        let folder = name.strip_suffix(PICKLE)?;
        (folder.is_empty() || folder.find('/') == Some(folder.len() - 1)).then_some(folder)
    };
    let mut folders = archive.members.iter().filter_map(|member| folder(member.name));
    match (folders.next(), folders.next()) {
        (Some(folder), None) if archive.get(&format!("{folder}constants.pkl")).is_some() => {
            Err("a TorchScript archive: save the model's state_dict with torch.save")
        }
        (Some(folder), None) => Ok(folder),
        (None, _) => Err("no data.pkl in it, so torch.save did not write it"),
        (Some(_), Some(_)) => Err("two folders with a data.pkl"),
    }
}

/// Whether this is what `torch.save` wrote before 1.6: a tar archive, or pickles of which the first is a number.
fn is_legacy(bytes: &[u8]) -> bool {
    const MAGIC: [u8; 10] = *b"\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
    let pickled = bytes.starts_with(b"\x80") && bytes.windows(MAGIC.len()).take(32).any(|window| window == MAGIC);
    pickled || bytes.get(257..).is_some_and(|rest| rest.starts_with(b"ustar"))
}
