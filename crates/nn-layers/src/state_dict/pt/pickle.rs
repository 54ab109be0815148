//! The stack machine that a pickle is a program for, with the opcodes of protocols 2 to 4 that build data.
//!
//! What each opcode does to the stack is told in Python's `pickletools`,
//! <https://github.com/python/cpython/blob/main/Lib/pickletools.py>. There is no recursion here, and every opcode takes
//! a bounded amount of memory, which is counted.

use super::super::budget::Budget;
use super::globals::{self, Built, Global};
use super::object::{Node, Object};
use crate::{Error, Result};
use std::collections::HashMap;

/// Runs a pickle to its end. Returns the value that it leaves on the stack, and the list of nodes.
pub(super) fn read<'a>(pickle: &'a [u8], budget: &mut Budget) -> Result<(Object<'a>, Vec<Node<'a>>)> {
    /// What an opcode takes at most: a place on the stack, a node and a place in the memo.
    const COST: u64 = 100;
    let mut machine =
        Machine { rest: pickle, stack: Vec::new(), marks: Vec::new(), memo: HashMap::new(), nodes: Vec::new() };
    loop {
        budget.spend("data.pkl", COST)?;
        let offset = pickle.len() - machine.rest.len();
        match machine.step() {
            Ok(None) => {}
            Ok(Some(root)) => return Ok((root, machine.nodes)),
            Err(Fault::Global(module, name)) => return Err(Error::Global { name: format!("{module}.{name}") }),
            Err(Fault::Reason(reason)) => return Err(Error::Pickle { offset, reason: reason.to_owned() }),
            Err(Fault::Opcode(opcode)) => {
                let reason = format!("opcode {opcode:#04x}, which no state dict needs");
                return Err(Error::Pickle { offset, reason });
            }
        }
    }
}

struct Machine<'a> {
    rest: &'a [u8],
    stack: Vec<Object<'a>>,
    /// How long the stack was at each mark.
    marks: Vec<usize>,
    memo: HashMap<usize, Object<'a>>,
    nodes: Vec<Node<'a>>,
}

enum Fault<'a> {
    Reason(&'static str),
    Opcode(u8),
    /// A name that is not in the list.
    Global(&'a str, &'a str),
}

impl From<&'static str> for Fault<'_> {
    fn from(reason: &'static str) -> Self {
        Self::Reason(reason)
    }
}

type Step<'a, T> = std::result::Result<T, Fault<'a>>;

const SHORT: Fault<'static> = Fault::Reason("it ends in the middle");
const EMPTY: Fault<'static> = Fault::Reason("the stack is empty here");
const UNFIT: Fault<'static> = Fault::Reason("the opcode does not fit what is on the stack");

impl<'a> Machine<'a> {
    /// One opcode; gives the value that is left if it is the last.
    fn step(&mut self) -> Step<'a, Option<Object<'a>>> {
        match self.take::<1>()?[0] {
            b'.' => return self.pop().map(Some),
            0x80 => match self.take()? {
                [2..=5] => {}
                _ => return Err("a pickle of another protocol than 2 to 5".into()),
            },
            0x95 => drop(self.take::<8>()?), // a frame: a hint for readers of streams
            b'(' => self.marks.push(self.stack.len()),
            b'0' => match self.marks.last() {
                Some(&mark) if mark == self.stack.len() => drop(self.marks.pop()),
                _ => drop(self.pop()?),
            },
            b'1' => drop(self.pop_mark()?),
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
            }

            b'N' | 0x88 | 0x89 => self.stack.push(Object::Other), // None, True, False
            b'J' => {
                let number = i32::from_le_bytes(self.take()?);
                self.stack.push(Object::Whole(number.into()));
            }
            b'K' => self.whole::<1>()?,
            b'M' => self.whole::<2>()?,
            0x8a => self.long::<1>()?,
            0x8b => self.long::<4>()?,
            b'G' => {
                self.take::<8>()?;
                self.stack.push(Object::Other);
            }
            0x8c => self.text::<1>()?,
            b'X' => self.text::<4>()?,
            0x8d => self.text::<8>()?,
            // Texts of Python 2, which may be bytes.
            b'U' => self.text_or_bytes::<1>()?,
            b'T' => self.text_or_bytes::<4>()?,
            b'C' => self.bytes::<1>()?,
            b'B' => self.bytes::<4>()?,
            0x8e => self.bytes::<8>()?,

            b']' | 0x8f => self.push_node(Node::List(Vec::new())),
            b'}' => self.push_node(Node::Dict(Vec::new())),
            b')' => self.push_node(Node::Tuple(Vec::new())),
            0x85 => self.tuple(1)?,
            0x86 => self.tuple(2)?,
            0x87 => self.tuple(3)?,
            b't' => {
                let items = self.pop_mark()?;
                self.push_node(Node::Tuple(items));
            }
            b'l' | 0x91 => {
                let items = self.pop_mark()?;
                self.push_node(Node::List(items));
            }
            b'd' => {
                let items = self.pop_mark()?;
                let pairs = pairs(&items)?;
                self.push_node(Node::Dict(pairs));
            }
            b'a' => {
                let item = self.pop()?;
                self.append(&[item])?;
            }
            b'e' | 0x90 => {
                let items = self.pop_mark()?;
                self.append(&items)?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(&[key, value])?;
            }
            b'u' => {
                let items = self.pop_mark()?;
                self.set(&items)?;
            }

            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.global(module, name)?;
            }
            0x93 => match (self.pop()?, self.pop()?) {
                (Object::Text(name), Object::Text(module)) => self.global(module, name)?,
                _ => return Err(UNFIT),
            },
            b'R' => {
                let (arguments, global) = (self.pop()?, self.pop()?);
                let Object::Global(global) = global else { return Err(UNFIT) };
                match globals::build(global, self.tuple_items(arguments)?, &self.nodes)? {
                    Built::Node(node) => self.push_node(node),
                    Built::Object(object) => self.stack.push(object),
                }
            }
            // An object's attributes, here only those of dicts: the metadata of a state dict.
            b'b' => {
                self.pop()?;
                match self.top()? {
                    Object::Node(node) if matches!(self.nodes[node], Node::Dict(_)) => {}
                    _ => return Err(UNFIT),
                }
            }
            b'Q' => {
                let id = self.pop()?;
                let storage = globals::persistent(self.tuple_items(id)?)?;
                self.push_node(storage);
            }

            b'q' => self.put::<1>()?,
            b'r' => self.put::<4>()?,
            0x94 => {
                let (place, top) = (self.memo.len(), self.top()?);
                self.memo.insert(place, top);
            }
            b'h' => self.get::<1>()?,
            b'j' => self.get::<4>()?,
            opcode => return Err(Fault::Opcode(opcode)),
        }
        Ok(None)
    }

    /// The next bytes of the program.
    fn take<const N: usize>(&mut self) -> Step<'a, [u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(SHORT)?;
        self.rest = rest;
        Ok(*bytes)
    }

    /// A number of `N` bytes without a sign.
    fn number<const N: usize>(&mut self) -> Step<'a, usize> {
        let mut bytes = [0; 8];
        bytes[..N].copy_from_slice(&self.take::<N>()?);
        usize::try_from(u64::from_le_bytes(bytes)).map_err(|_| SHORT)
    }

    /// Bytes behind their length, which has `N` bytes.
    fn counted<const N: usize>(&mut self) -> Step<'a, &'a [u8]> {
        let length = self.number::<N>()?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(SHORT)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn line(&mut self) -> Step<'a, &'a str> {
        let length = self.rest.iter().position(|&byte| byte == b'\n').ok_or(SHORT)?;
        let (line, rest) = self.rest.split_at(length);
        self.rest = &rest[1..];
        std::str::from_utf8(line).map_err(|_| "a name that is not UTF-8".into())
    }

    fn pop(&mut self) -> Step<'a, Object<'a>> {
        if self.marks.last().is_some_and(|&mark| self.stack.len() <= mark) {
            return Err(EMPTY);
        }
        self.stack.pop().ok_or(EMPTY)
    }

    fn top(&mut self) -> Step<'a, Object<'a>> {
        let top = self.pop()?;
        self.stack.push(top);
        Ok(top)
    }

    /// Everything above the last mark, and the mark.
    fn pop_mark(&mut self) -> Step<'a, Vec<Object<'a>>> {
        let mark = self.marks.pop().ok_or("there is no mark on the stack")?;
        Ok(self.stack.split_off(mark))
    }

    fn push_node(&mut self, node: Node<'a>) {
        self.stack.push(Object::Node(self.nodes.len()));
        self.nodes.push(node);
    }

    fn whole<const N: usize>(&mut self) -> Step<'a, ()> {
        let number = self.number::<N>()?;
        self.stack.push(Object::Whole(number as i64)); // two bytes at most
        Ok(())
    }

    /// A whole number of any length in two's complement; what does not fit 64 bits is of no use here.
    fn long<const N: usize>(&mut self) -> Step<'a, ()> {
        let bytes = self.counted::<N>()?;
        let sign = if bytes.last().is_some_and(|byte| byte >> 7 == 1) { 0xff } else { 0 };
        let mut number = [sign; 8];
        self.stack.push(match number.get_mut(..bytes.len()) {
            Some(low) => {
                low.copy_from_slice(bytes);
                Object::Whole(i64::from_le_bytes(number))
            }
            None => Object::Other,
        });
        Ok(())
    }

    fn text<const N: usize>(&mut self) -> Step<'a, ()> {
        let text = std::str::from_utf8(self.counted::<N>()?).map_err(|_| "a text that is not UTF-8")?;
        self.stack.push(Object::Text(text));
        Ok(())
    }

    fn text_or_bytes<const N: usize>(&mut self) -> Step<'a, ()> {
        let text = std::str::from_utf8(self.counted::<N>()?);
        self.stack.push(text.map_or(Object::Other, Object::Text));
        Ok(())
    }

    fn bytes<const N: usize>(&mut self) -> Step<'a, ()> {
        self.counted::<N>()?;
        self.stack.push(Object::Other);
        Ok(())
    }

    fn tuple(&mut self, length: usize) -> Step<'a, ()> {
        let start = self.stack.len().checked_sub(length).ok_or(EMPTY)?;
        if self.marks.last().is_some_and(|&mark| start < mark) {
            return Err(EMPTY);
        }
        let items = self.stack.split_off(start);
        self.push_node(Node::Tuple(items));
        Ok(())
    }

    fn tuple_items(&self, object: Object<'a>) -> Step<'a, &[Object<'a>]> {
        match object {
            Object::Node(node) => match &self.nodes[node] {
                Node::Tuple(items) => Ok(items),
                _ => Err(UNFIT),
            },
            _ => Err(UNFIT),
        }
    }

    fn append(&mut self, items: &[Object<'a>]) -> Step<'a, ()> {
        if let Object::Node(node) = self.top()?
            && let Node::List(list) = &mut self.nodes[node]
        {
            list.extend(items);
            return Ok(());
        }
        Err(UNFIT)
    }

    fn set(&mut self, items: &[Object<'a>]) -> Step<'a, ()> {
        if let Object::Node(node) = self.top()?
            && let Node::Dict(dict) = &mut self.nodes[node]
        {
            dict.extend(pairs(items)?);
            return Ok(());
        }
        Err(UNFIT)
    }

    fn global(&mut self, module: &'a str, name: &'a str) -> Step<'a, ()> {
        let global: Global<'a> = globals::global(module, name).ok_or(Fault::Global(module, name))?;
        self.stack.push(Object::Global(global));
        Ok(())
    }

    fn put<const N: usize>(&mut self) -> Step<'a, ()> {
        let (place, top) = (self.number::<N>()?, self.top()?);
        self.memo.insert(place, top);
        Ok(())
    }

    fn get<const N: usize>(&mut self) -> Step<'a, ()> {
        let place = self.number::<N>()?;
        let object = *self.memo.get(&place).ok_or("it asks for what it did not put in its memo")?;
        self.stack.push(object);
        Ok(())
    }
}

/// Keys and values, one after the other.
fn pairs<'a>(items: &[Object<'a>]) -> Step<'a, Vec<(Object<'a>, Object<'a>)>> {
    match items.as_chunks() {
        (pairs, []) => Ok(pairs.iter().map(|&[key, value]| (key, value)).collect()),
        _ => Err("a key without a value".into()),
    }
}
