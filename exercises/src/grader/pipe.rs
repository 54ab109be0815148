//! Reads what a child writes, in bounded memory.

use std::io::Read;
use std::mem;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// A line is cut after so many bytes. A message of the child's own is shorter.
const LINE: usize = 1 << 16;

/// So many bytes of what an answer prints are kept: the last.
const KEPT: usize = 1 << 11;

/// What came through a pipe: the lines with the mark, without it, and the last of the others.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) marked: Vec<String>,
    pub(super) printed: String,
}

/// A thread that reads a pipe to its end.
pub(super) struct Listener {
    lines: Arc<Mutex<Lines>>,
    /// Closed once the pipe is.
    end: Receiver<()>,
}

impl Listener {
    /// Of the marked lines the last two are kept: the last input, and what became of it.
    pub(super) fn start(mut pipe: impl Read + Send + 'static, mark: String) -> Self {
        let (open, end) = channel();
        let lines = Arc::new(Mutex::new(Lines { mark, heard: Heard::default(), line: Vec::new() }));
        let shared = Arc::clone(&lines);
        thread::spawn(move || {
            let mut bytes = [0; 1 << 13];
            while let Ok(count @ 1..) = pipe.read(&mut bytes) {
                shared.lock().unwrap_or_else(PoisonError::into_inner).take(&bytes[..count]);
            }
            drop(open);
        });
        Self { lines, end }
    }

    /// What was heard: all of it, or what came until `deadline`, if a grandchild holds the pipe open.
    pub(super) fn heard(self, deadline: Instant) -> Heard {
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        // Nothing is ever sent: it ends when the pipe does, or when the time is over.
        let _ = self.end.recv_timeout(left);
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.end_line();
        mem::take(&mut lines.heard)
    }
}

struct Lines {
    mark: String,
    heard: Heard,
    line: Vec<u8>,
}

impl Lines {
    fn take(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\n' {
                self.end_line();
            } else if self.line.len() < LINE {
                self.line.push(byte);
            }
        }
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&self.line).into_owned();
        self.line.clear();
        let Heard { marked, printed } = &mut self.heard;
        if let Some(message) = line.strip_prefix(&self.mark) {
            if marked.len() == 2 {
                marked.remove(0);
            }
            marked.push(message.to_owned());
        } else if !line.trim().is_empty() {
            printed.push_str(&line);
            printed.push('\n');
            if printed.len() > KEPT {
                let cut = (printed.len() - KEPT..).find(|&at| printed.is_char_boundary(at));
                printed.drain(..cut.unwrap_or(0));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, repeat};

    fn heard(pipe: impl Read + Send + 'static) -> Heard {
        Listener::start(pipe, "MARK ".to_owned()).heard(Instant::now() + Duration::from_secs(60))
    }

    #[test]
    fn marked_lines_are_told_from_others() {
        let heard = heard(Cursor::new("half\nMARK one\n\nMARK two\nwhole\n\nMARK three\nend MARK no"));
        assert_eq!(heard.marked, ["two", "three"]);
        assert_eq!(heard.printed, "half\nwhole\nend MARK no\n");
    }

    #[test]
    fn a_pipe_that_stays_open_is_not_waited_for() {
        struct Open(thread::Thread, bool);
        impl Read for Open {
            fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
                if self.1 {
                    self.0.unpark();
                    loop {
                        thread::park();
                    }
                }
                self.1 = true;
                b"MARK one\n".as_slice().read(bytes)
            }
        }
        let listener = Listener::start(Open(thread::current(), false), "MARK ".to_owned());
        thread::park();
        assert_eq!(listener.heard(Instant::now()).marked, ["one"]);
    }

    #[test]
    fn a_flood_is_cut() {
        let heard = heard(repeat(b'x').take(1 << 22));
        assert_eq!(heard.printed.len(), KEPT);
        let lines = self::heard(Cursor::new("é\n".repeat(5000)));
        assert!(lines.printed.len() <= KEPT && lines.printed.ends_with("é\n"));
    }
}
