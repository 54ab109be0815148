//! The names that a pickle may ask for, and what is built where Python would call them.

use super::super::element::Element;
use super::object::{Kind, Node, Object, Storage, Tensor};

/// A name that may stand in a pickle.
#[derive(Debug, Clone, Copy)]
pub(super) enum Global<'a> {
    OrderedDict,
    /// Containers that are here what they are made of: sets, `Counter`, `torch.Size`.
    Container,
    /// Makes what a state dict has no use for.
    Other,
    Tensor,
    /// As `Tensor`, of a storage without a type: it has one itself.
    TypedTensor,
    Parameter,
    /// A class of storages.
    Storage(Option<Kind<'a>>),
    Dtype(Kind<'a>),
}

/// Looks a name up; `None` for all others.
pub(super) fn global<'a>(module: &str, name: &'a str) -> Option<Global<'a>> {
    Some(match (module, name) {
        ("collections", "OrderedDict") => Global::OrderedDict,
        ("collections", "Counter") | ("torch", "Size") | ("builtins" | "__builtin__", "set" | "frozenset") => {
            Global::Container
        }
        ("torch", "device") | ("_codecs", "encode") | ("builtins" | "__builtin__", "complex" | "bytearray") => {
            Global::Other
        }
        ("torch._utils", "_rebuild_tensor_v2") => Global::Tensor,
        ("torch._utils", "_rebuild_tensor_v3") => Global::TypedTensor,
        ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => Global::Parameter,
        ("torch" | "torch.storage", "UntypedStorage") => Global::Storage(None),
        ("torch", _) => match storage(name) {
            Some(kind) => Global::Storage(Some(kind)),
            None => Global::Dtype(dtype(name)?),
        },
        _ => return None,
    })
}

/// The classes of storages with a type.
fn storage(name: &str) -> Option<Kind<'_>> {
    let element = match name.strip_suffix("Storage")? {
        "Half" => Some(Element::F16),
        "BFloat16" => Some(Element::BF16),
        "Float" => Some(Element::F32),
        "Double" => Some(Element::F64),
        "Char" => Some(Element::I8),
        "Short" => Some(Element::I16),
        "Int" => Some(Element::I32),
        "Long" => Some(Element::I64),
        "Byte" => Some(Element::U8),
        "Bool" => Some(Element::Bool),
        "ComplexFloat" | "ComplexDouble" | "QInt8" | "QUInt8" | "QInt32" | "QUInt4x2" | "QUInt2x4" => None,
        _ => return None,
    };
    Some(Kind { name, element })
}

fn dtype(name: &str) -> Option<Kind<'_>> {
    let element = match name {
        "float16" => Some(Element::F16),
        "bfloat16" => Some(Element::BF16),
        "float32" => Some(Element::F32),
        "float64" => Some(Element::F64),
        "int8" => Some(Element::I8),
        "int16" => Some(Element::I16),
        "int32" => Some(Element::I32),
        "int64" => Some(Element::I64),
        "uint8" => Some(Element::U8),
        "uint16" => Some(Element::U16),
        "uint32" => Some(Element::U32),
        "uint64" => Some(Element::U64),
        "bool" => Some(Element::Bool),
        "complex32" | "complex64" | "complex128" | "float8_e4m3fn" | "float8_e4m3fnuz" | "float8_e5m2"
        | "float8_e5m2fnuz" | "float8_e8m0fnu" | "float4_e2m1fn_x2" => None,
        _ => return None,
    };
    Some(Kind { name, element })
}

/// What a call gives: a new value, or one of the arguments.
pub(super) enum Built<'a> {
    Node(Node<'a>),
    Object(Object<'a>),
}

/// Builds what calling this name with these arguments would return.
pub(super) fn build<'a>(
    global: Global<'a>,
    arguments: &[Object<'a>],
    nodes: &[Node<'a>],
) -> Result<Built<'a>, &'static str> {
    match (global, arguments) {
        (Global::OrderedDict, []) => Ok(Built::Node(Node::Dict(Vec::new()))),
        (Global::Container, [contents]) => Ok(Built::Object(*contents)),
        (Global::Other, _) => Ok(Built::Object(Object::Other)),
        (Global::Tensor, [storage, offset, shape, strides, _gradient, _hooks, metadata @ ..]) => {
            let storage = storage_of(storage, nodes)?;
            let kind = storage.kind.ok_or("a tensor without a type")?;
            tensor(storage, kind, [offset, shape, strides], metadata, nodes)
        }
        (Global::TypedTensor, [storage, offset, shape, strides, _gradient, _hooks, dtype, metadata @ ..]) => {
            let Object::Global(Global::Dtype(kind)) = *dtype else { return Err("a tensor without a type") };
            tensor(storage_of(storage, nodes)?, kind, [offset, shape, strides], metadata, nodes)
        }
        (Global::Parameter, [tensor @ Object::Node(node), ..]) if matches!(nodes[*node], Node::Tensor(_)) => {
            Ok(Built::Object(*tensor))
        }
        _ => Err("a call with arguments that do not fit"),
    }
}

fn tensor<'a>(
    storage: Storage<'a>,
    kind: Kind<'a>,
    [offset, shape, strides]: [&Object<'a>; 3],
    metadata: &[Object<'a>],
    nodes: &[Node<'a>],
) -> Result<Built<'a>, &'static str> {
    /// As many as NumPy and PyTorch's iterators allow.
    const MOST_AXES: usize = 64;
    // A view that stands for its negative or its conjugate has a mark here.
    let marked = |object: &Object<'_>| match object {
        Object::Node(node) => !matches!(&nodes[*node], Node::Dict(marks) if marks.is_empty()),
        _ => false,
    };
    if metadata.iter().any(marked) {
        return Err("a tensor that stands for its negative or its conjugate; save its resolve_neg().resolve_conj()");
    }
    let sizes = |object: &Object<'_>| match object {
        Object::Node(node) => match &nodes[*node] {
            Node::Tuple(sizes) if sizes.len() <= MOST_AXES => sizes.iter().map(size).collect::<Option<Vec<_>>>(),
            _ => None,
        },
        _ => None,
    };
    let (offset, shape, strides) = (size(offset), sizes(shape), sizes(strides));
    match (offset, shape, strides) {
        (Some(offset), Some(shape), Some(strides)) if shape.len() == strides.len() => {
            Ok(Built::Node(Node::Tensor(Box::new(Tensor { storage, kind, offset, shape, strides }))))
        }
        _ => Err("a tensor whose offset, sizes and strides are not whole numbers from 0, or have more than 64 axes"),
    }
}

/// The storage that a persistent id stands for: `("storage", class, key, location, length)`.
pub(super) fn persistent<'a>(id: &[Object<'a>]) -> Result<Node<'a>, &'static str> {
    match id {
        [Object::Text("storage"), Object::Global(Global::Storage(kind)), Object::Text(key), _location, length] => {
            let length = size(length).ok_or("a storage of a negative length")?;
            Ok(Node::Storage(Box::new(Storage { kind: *kind, key, length })))
        }
        _ => Err("a persistent id that is no storage's"),
    }
}

fn storage_of<'a>(object: &Object<'a>, nodes: &[Node<'a>]) -> Result<Storage<'a>, &'static str> {
    match object {
        Object::Node(node) => match &nodes[*node] {
            Node::Storage(storage) => Ok(**storage),
            _ => Err("a tensor without a storage"),
        },
        _ => Err("a tensor without a storage"),
    }
}

fn size(object: &Object<'_>) -> Option<usize> {
    match object {
        Object::Whole(size) => usize::try_from(*size).ok(),
        _ => None,
    }
}
