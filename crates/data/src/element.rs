//! Numbers as they stand in files, and arrays whose number type a file decides.

use std::io::{self, ErrorKind, Read};

/// A type of numbers that files hold: `bool`, `u8` to `u64`, `i8` to `i64`, `f32` and `f64`.
pub trait Element: Number {}

impl<T: Number> Element for T {}

/// Which byte of a number comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    Little,
    Big,
}

/// Bytes that are read and decoded at a time: few enough to stay in the processor's cache.
const PIECE: usize = 1 << 16;

/// What the readers and writers need of an [`Element`].
pub trait Number: Copy + Send + Sync + 'static {
    /// Its name, as Rust and NumPy call it.
    const NAME: &'static str;
    /// Its bytes.
    const SIZE: usize;

    /// Adds the numbers that these bytes are; bytes at the end that are no whole number are left.
    fn decode(bytes: &[u8], order: ByteOrder, numbers: &mut Vec<Self>);

    /// Adds the number's bytes.
    fn encode(self, order: ByteOrder, bytes: &mut Vec<u8>);

    /// The nearest float.
    fn to_f64(self) -> f64;

    /// Reads `count` numbers, or as many as there are; the numbers, and the bytes read.
    ///
    /// Memory is taken at once only for `hint` bytes, what the file is said to have; beyond it the vector grows as numbers come in.
    fn read(reader: &mut dyn Read, count: usize, hint: usize, order: ByteOrder) -> io::Result<(Vec<Self>, usize)> {
        let mut numbers = Vec::new();
        numbers.try_reserve_exact(count.min(hint / Self::SIZE)).map_err(|_| ErrorKind::OutOfMemory)?;
        let read = in_pieces(reader, count.saturating_mul(Self::SIZE), &mut |piece| {
            numbers.try_reserve(piece.len() / Self::SIZE).map_err(|_| ErrorKind::OutOfMemory)?;
            Self::decode(piece, order, &mut numbers);
            Ok(())
        })?;
        Ok((numbers, read))
    }
}

/// Reads so many bytes, or as many as there are, in pieces that hold whole numbers of any size; how many there were.
fn in_pieces(reader: &mut dyn Read, bytes: usize, take: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<usize> {
    let mut piece = vec![0; PIECE.min(bytes)];
    let mut read = 0;
    while read < bytes {
        let wanted = piece.len().min(bytes - read);
        let n = read_up_to(reader, &mut piece[..wanted])?;
        read += n;
        take(&piece[..n])?;
        if n < wanted {
            break;
        }
    }
    Ok(read)
}

/// Bytes are numbers already: they are read to their place, which is most of the reading speed for images.
impl Number for u8 {
    const NAME: &'static str = "u8";
    const SIZE: usize = 1;

    fn decode(bytes: &[u8], _: ByteOrder, numbers: &mut Vec<Self>) {
        numbers.extend_from_slice(bytes);
    }

    fn encode(self, _: ByteOrder, bytes: &mut Vec<u8>) {
        bytes.push(self);
    }

    fn to_f64(self) -> f64 {
        self.into()
    }

    fn read(reader: &mut dyn Read, count: usize, hint: usize, _: ByteOrder) -> io::Result<(Vec<Self>, usize)> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(count.min(hint)).map_err(|_| ErrorKind::OutOfMemory)?;
        let read = reader.take(count as u64).read_to_end(&mut bytes)?;
        Ok((bytes, read))
    }
}

/// A byte, of which NumPy writes 0 and 1 and takes any other for true.
impl Number for bool {
    const NAME: &'static str = "bool";
    const SIZE: usize = 1;

    fn decode(bytes: &[u8], _: ByteOrder, numbers: &mut Vec<Self>) {
        numbers.extend(bytes.iter().map(|&byte| byte != 0));
    }

    fn encode(self, _: ByteOrder, bytes: &mut Vec<u8>) {
        bytes.push(self.into());
    }

    fn to_f64(self) -> f64 {
        f64::from(u8::from(self))
    }
}

macro_rules! numbers {
    ($($number:ident)+) => {$(
        impl Number for $number {
            const NAME: &'static str = stringify!($number);
            const SIZE: usize = size_of::<$number>();

            fn decode(bytes: &[u8], order: ByteOrder, numbers: &mut Vec<Self>) {
                let (whole, _) = bytes.as_chunks();
                match order {
                    ByteOrder::Little => numbers.extend(whole.iter().map(|&bytes| Self::from_le_bytes(bytes))),
                    ByteOrder::Big => numbers.extend(whole.iter().map(|&bytes| Self::from_be_bytes(bytes))),
                }
            }

            fn encode(self, order: ByteOrder, bytes: &mut Vec<u8>) {
                bytes.extend(match order {
                    ByteOrder::Little => self.to_le_bytes(),
                    ByteOrder::Big => self.to_be_bytes(),
                });
            }

            fn to_f64(self) -> f64 {
                self as f64
            }
        }
    )+};
}

numbers!(i8 u16 i16 u32 i32 u64 i64 f32 f64);

/// Reads until the buffer is full or the stream ends; how many bytes there were.
pub(crate) fn read_up_to(reader: &mut (impl Read + ?Sized), buffer: &mut [u8]) -> io::Result<usize> {
    let mut n = 0;
    while n < buffer.len() {
        match reader.read(&mut buffer[n..]) {
            Ok(0) => break,
            Ok(more) => n += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(n)
}

/// Writes out what differs from type to type of a file format, once for all of it: the types, and an array of one of them.
macro_rules! array_of_types {
    (
        $(#[$type_doc:meta])* $type:ident;
        $(#[$array_doc:meta])* $array:ident;
        $($variant:ident, $element:ident, $doc:literal;)+
    ) => {
        $(#[$type_doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $type {
            $(#[doc = $doc] $variant,)+
        }

        impl $type {
            /// Every type that the format knows here.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Bytes that an element takes.
            #[must_use]
            pub fn size(self) -> usize {
                match self {
                    $(Self::$variant => <$element as $crate::element::Number>::SIZE,)+
                }
            }

            /// What Rust calls it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => <$element as $crate::element::Number>::NAME,)+
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        $(#[$array_doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub enum $array {
            $(#[doc = $doc] $variant(gradus_linalg::ndarray::ArrayD<$element>),)+
        }

        impl $array {
            /// The type of the elements.
            #[must_use]
            pub fn element_type(&self) -> $type {
                match self {
                    $(Self::$variant(_) => $type::$variant,)+
                }
            }

            /// The length of each axis.
            #[must_use]
            pub fn shape(&self) -> &[usize] {
                match self {
                    $(Self::$variant(array) => array.shape(),)+
                }
            }

            /// The elements as floats, as near as the float type allows.
            #[must_use]
            pub fn to_floats<F: gradus_linalg::Real>(&self) -> gradus_linalg::ndarray::ArrayD<F> {
                match self {
                    $(Self::$variant(array) => {
                        array.mapv(|element| F::from_f64($crate::element::Number::to_f64(element)))
                    })+
                }
            }

            /// The elements as labels, in row-major order.
            ///
            /// # Errors
            /// [`Error::NotLabel`](crate::Error::NotLabel) if one is negative or no whole number.
            pub fn to_labels(&self) -> crate::Result<Vec<usize>> {
                let mut labels = Vec::with_capacity(self.shape().iter().product());
                let mut add = |x: f64| -> crate::Result<()> {
                    labels.push(crate::Error::check_label(labels.len(), x)?);
                    Ok(())
                };
                match self {
                    $(Self::$variant(array) => {
                        array.iter().try_for_each(|&element| add($crate::element::Number::to_f64(element)))?;
                    })+
                }
                Ok(labels)
            }

            /// Every element's bytes in row-major order, in pieces of about 64 kB.
            fn encode<E>(
                &self,
                order: $crate::element::ByteOrder,
                mut write: impl FnMut(&[u8]) -> Result<(), E>,
            ) -> Result<(), E> {
                const PIECE: usize = 1 << 16;
                let mut bytes = Vec::with_capacity(PIECE);
                match self {
                    $(Self::$variant(array) => for &element in array {
                        if bytes.len() + self.element_type().size() > PIECE {
                            write(&bytes)?;
                            bytes.clear();
                        }
                        $crate::element::Number::encode(element, order, &mut bytes);
                    })+
                }
                write(&bytes)
            }

            /// Reads the rest of a source as the elements of an array in row-major order, or else in column-major.
            #[inline] // Much code, for one reader of each type, that only programs which read such files compile.
            fn decode(
                element: $type,
                order: $crate::element::ByteOrder,
                shape: &[usize],
                row_major: bool,
                source: &mut $crate::source::Source<'_>,
            ) -> crate::Result<Self> {
                Ok(match element {
                    $($type::$variant => Self::$variant(source.array(shape, row_major, order)?),)+
                })
            }
        }

        $(
            impl<D: gradus_linalg::ndarray::Dimension> From<gradus_linalg::ndarray::Array<$element, D>> for $array {
                fn from(array: gradus_linalg::ndarray::Array<$element, D>) -> Self {
                    Self::$variant(array.into_dyn())
                }
            }
        )+
    };
}

pub(crate) use array_of_types;
