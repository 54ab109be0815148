//! A rank's handle to the others, and the thread behind it.

use crate::{Communicator, Error, Leaving, Numbers, Pending, Result, Transport, collectives};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};

/// A rank's handle to all ranks.
///
/// Behind it a thread owns the [`Transport`]: it serves operations in the order in which they are called, and shows the
/// others that this rank is alive, while it computes. Operations can be called from several threads, as long as their
/// order is the same on all ranks. A dropped group finishes what was started, and leaves.
///
/// # Examples
///
/// ```
/// use gradus_distributed::{Communicator, Group, Threads};
///
/// let results = Threads::run(2, |group: Group| group.all_gather(vec![group.rank() as u8; 2]));
/// assert_eq!(results[0], Ok(vec![vec![0, 0], vec![1, 1]]));
/// ```
#[derive(Debug)]
pub struct Group {
    rank: usize,
    size: usize,
    /// Gone when the group is dropped, which ends the thread.
    tasks: Option<Sender<Task>>,
    thread: Option<JoinHandle<()>>,
}

/// One operation: serves itself with the server, and tells its caller.
type Task = Box<dyn FnOnce(&mut Server) + Send>;

impl Group {
    /// The group that `transport` connects; it is called in the thread that will own it.
    ///
    /// # Errors
    ///
    /// Those of `transport`, and [`Error::Thread`] if the system gives no thread.
    pub fn start<T: Transport + 'static>(transport: impl FnOnce() -> Result<T> + Send + 'static) -> Result<Self> {
        let (tasks, requests) = mpsc::channel();
        let (tell, told) = mpsc::channel();
        let serve = move || match transport() {
            Ok(transport) => {
                // The caller waits for it.
                let _ = tell.send(Ok((transport.rank(), transport.size())));
                Server { transport: Box::new(transport), failed: None }.serve(&requests);
            }
            Err(error) => {
                let _ = tell.send(Err(error));
            }
        };
        let thread = thread::Builder::new()
            .name("gradus-distributed".into())
            .spawn(serve)
            .map_err(|error| Error::Thread { rank: 0, message: error.to_string() })?;
        let (rank, size) = told.recv().unwrap_or(Err(Error::Ended { rank: 0 }))?;
        Ok(Self { rank, size, tasks: Some(tasks), thread: Some(thread) })
    }

    /// The ranks that `mpirun` has started; a program that it has not started is a group of one, with the feature `mpi` or without.
    ///
    /// # Errors
    ///
    /// [`Error::MpiTwice`] if MPI has been initialized already in this process, [`Error::MpiThreads`] if it cannot be
    /// called from a thread; [`Error::MpiMissing`] if `mpirun` has started several ranks of a program that has been built without the
    /// feature.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus_distributed::{Communicator, Group};
    ///
    /// let group = Group::mpi()?;
    /// println!("rank {} of {}", group.rank(), group.size());
    /// # Ok::<(), gradus_distributed::Error>(())
    /// ```
    pub fn mpi() -> Result<Self> {
        #[cfg(feature = "mpi")]
        return Self::start(crate::Mpi::initialize);
        #[cfg(not(feature = "mpi"))]
        match crate::transport::launcher::one_of_several(|name| std::env::var(name).ok()) {
            Some((rank, size)) => Err(Error::MpiMissing { rank, size }),
            None => Self::start(|| Ok(crate::Threads::endpoints(1).pop().expect("one was asked for"))),
        }
    }

    /// Hands an operation to the thread; what it returns comes through the channel.
    fn call<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut dyn Transport) -> Result<T> + Send + 'static,
    ) -> impl FnOnce() -> Result<T> + Send + 'static {
        let (answer, answered) = mpsc::channel();
        let task: Task = Box::new(move |server| {
            // Who dropped it does not want to know.
            let _ = answer.send(server.run(operation));
        });
        if let Some(tasks) = &self.tasks {
            // If the thread has ended, the task is dropped, and with it the channel of the answer.
            let _ = tasks.send(task);
        }
        let rank = self.rank;
        move || answered.recv().unwrap_or(Err(Error::Ended { rank }))
    }

    fn check_root(&self, operation: &'static str, root: usize) -> Result<()> {
        let size = self.size;
        if root < size { Ok(()) } else { Err(Error::Root { operation, root, size }) }
    }
}

impl Communicator for Group {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn start_all_reduce(&self, numbers: Numbers) -> Pending {
        Pending::new(self.call(|transport| collectives::all_reduce(transport, numbers)))
    }

    fn broadcast(&self, root: usize, bytes: Vec<u8>) -> Result<Vec<u8>> {
        self.check_root("broadcast", root)?;
        self.call(move |transport| collectives::broadcast(transport, root, bytes))()
    }

    fn gather(&self, root: usize, bytes: Vec<u8>) -> Result<Option<Vec<Vec<u8>>>> {
        self.check_root("gather", root)?;
        self.call(move |transport| collectives::gather(transport, root, bytes))()
    }

    fn start_all_gather(&self, bytes: Vec<u8>) -> Pending<Vec<Vec<u8>>> {
        Pending::new(self.call(|transport| collectives::all_gather(transport, bytes)))
    }

    fn barrier(&self) -> Result<()> {
        self.call(collectives::barrier)()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.tasks = None;
        if let Some(thread) = self.thread.take() {
            // If it panicked, everyone who waited for it has got an error.
            let _ = thread.join();
        }
    }
}

/// The thread's side.
struct Server {
    transport: Box<dyn Transport>,
    /// Why nothing more can be done.
    failed: Option<Error>,
}

impl Server {
    fn serve(mut self, tasks: &Receiver<Task>) {
        let interval = self.transport.deadline() / 10;
        loop {
            match tasks.recv_timeout(interval) {
                Ok(task) => task(&mut self),
                // An error stays for the next operation.
                Err(RecvTimeoutError::Timeout) => drop(self.run(|transport| transport.beat())),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if self.failed.is_none() {
            self.transport.leave(Leaving::Done);
        }
    }

    fn run<T>(&mut self, operation: impl FnOnce(&mut dyn Transport) -> Result<T>) -> Result<T> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let result = operation(&mut *self.transport);
        match &result {
            // After different lengths all ranks have sent and received the same messages.
            Ok(_) | Err(Error::Lengths { .. }) => {}
            Err(error) => {
                self.failed = Some(error.clone());
                self.transport.leave(match error {
                    Error::RankLost { rank, .. } => Leaving::Lost(*rank),
                    _ => Leaving::Failed,
                });
            }
        }
        result
    }
}
