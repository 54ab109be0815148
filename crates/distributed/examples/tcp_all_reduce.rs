//! All-reduce over TCP, timed: by direct exchange, by a ring and by a binomial tree, among processes that are told each
//! other's addresses.
//!
//! ```text
//! tcp_all_reduce RANK DELAY_US MOST_BYTES ADDRESS_OF_RANK_0 ADDRESS_OF_RANK_1 …
//! ```
//!
//! Each rank is started with its number, a delay in microseconds, the largest size and the same list of addresses
//! (`10.0.0.1:5000`). Rank 0 writes a line for each algorithm and size: ranks, algorithm, bytes, repeats, median and
//! minimum of the time in microseconds, and how many processors all ranks together kept busy. The time of one
//! all-reduce is that of the slowest rank, from a time on at which all begin.
//!
//! The delay is that of the link, added where a message arrives: what has been read from the socket is handed on so
//! much later. Messages follow each other on the delayed link as on a real one, but TCP does not see the delay: its
//! acknowledgements come back at once, so windows that are too small for a long way do not show. 0 leaves the delay to
//! the network (`tc qdisc … netem delay`). `benches/scaling/netem` runs this program between network namespaces.

use std::collections::VecDeque;
use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, fs, process, thread};

/// 4 kB to 16 MB.
const SIZES: [usize; 7] = [1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20, 1 << 22, 1 << 24];
/// How long a rank waits for the others to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection to another rank: a thread reads it all the time, so that two ranks that write to each other never
/// block.
struct Peer {
    stream: TcpStream,
    arrived: Receiver<(Instant, Vec<u8>)>,
    /// What has been taken from the thread and not been asked for yet, with the time at which it may be seen.
    rest: VecDeque<(Instant, Vec<u8>, usize)>,
}

impl Peer {
    fn new(stream: TcpStream, delay: Duration) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let mut reader = stream.try_clone()?;
        let (sender, arrived) = channel();
        thread::spawn(move || {
            let mut buffer = vec![0; 1 << 18];
            while let Ok(read) = reader.read(&mut buffer) {
                if read == 0 || sender.send((Instant::now() + delay, buffer[..read].to_vec())).is_err() {
                    break;
                }
            }
        });
        Ok(Self { stream, arrived, rest: VecDeque::new() })
    }

    fn receive(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        let (mut filled, mut due) = (0, Instant::now());
        while filled < bytes.len() {
            if self.rest.is_empty() {
                let (at, chunk) = self.arrived.recv().map_err(|_| io::ErrorKind::UnexpectedEof)?;
                self.rest.push_back((at, chunk, 0));
            }
            if let Some((at, chunk, from)) = self.rest.front_mut() {
                let count = (chunk.len() - *from).min(bytes.len() - filled);
                bytes[filled..filled + count].copy_from_slice(&chunk[*from..*from + count]);
                (filled, *from, due) = (filled + count, *from + count, due.max(*at));
                if *from == chunk.len() {
                    self.rest.pop_front();
                }
            }
        }
        // Once for the whole message: what came before its last bytes may be seen by then.
        thread::sleep(due.saturating_duration_since(Instant::now()));
        Ok(())
    }
}

/// All ranks, as one of them sees them.
struct Ranks {
    rank: usize,
    peers: Vec<Option<Peer>>,
    buffer: Vec<u8>,
    /// What a message takes to come and one to go back.
    trip: Duration,
}

impl Ranks {
    /// Higher ranks connect to lower ones, and say who they are.
    fn connect(rank: usize, delay: Duration, addresses: &[String]) -> io::Result<Self> {
        let listener = TcpListener::bind(&addresses[rank])?;
        let mut peers: Vec<Option<Peer>> = addresses.iter().map(|_| None).collect();
        for (peer, address) in addresses[..rank].iter().enumerate() {
            let start = Instant::now();
            let mut stream = loop {
                match TcpStream::connect(address) {
                    Ok(stream) => break stream,
                    Err(error) if start.elapsed() > PATIENCE => return Err(error),
                    Err(_) => thread::sleep(Duration::from_millis(20)),
                }
            };
            stream.write_all(&[rank as u8])?;
            peers[peer] = Some(Peer::new(stream, delay)?);
        }
        for _ in rank + 1..addresses.len() {
            let mut stream = listener.accept()?.0;
            let mut peer = [0];
            stream.read_exact(&mut peer)?;
            peers[usize::from(peer[0])] = Some(Peer::new(stream, delay)?);
        }
        let mut ranks = Self { rank, peers, buffer: Vec::new(), trip: Duration::ZERO };
        ranks.barrier()?;
        let start = Instant::now();
        if rank < 2 && ranks.size() > 1 {
            for sends in [0, 1] {
                if sends == rank {
                    ranks.send(1 - rank, &[0.0])?;
                } else {
                    ranks.receive(1 - rank, &mut [0.0], |to, from| *to = from)?;
                }
            }
        }
        ranks.trip = start.elapsed();
        Ok(ranks)
    }

    fn size(&self) -> usize {
        self.peers.len()
    }

    fn peer(&mut self, rank: usize) -> io::Result<&mut Peer> {
        self.peers[rank].as_mut().ok_or_else(|| io::Error::other("a rank sends nothing to itself"))
    }

    fn send(&mut self, rank: usize, numbers: &[f32]) -> io::Result<()> {
        let mut bytes = std::mem::take(&mut self.buffer);
        bytes.clear();
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        let sent = self.peer(rank)?.stream.write_all(&bytes);
        self.buffer = bytes;
        sent
    }

    /// Takes as many numbers from a rank as there are here, and puts each into its place by `put`.
    fn receive(&mut self, rank: usize, numbers: &mut [f32], put: impl Fn(&mut f32, f32)) -> io::Result<()> {
        let mut bytes = std::mem::take(&mut self.buffer);
        bytes.resize(4 * numbers.len(), 0);
        let received = self.peer(rank)?.receive(&mut bytes);
        for (number, bytes) in numbers.iter_mut().zip(bytes.as_chunks::<4>().0) {
            put(number, f32::from_le_bytes(*bytes));
        }
        self.buffer = bytes;
        received
    }

    /// Nobody leaves before everyone has come (dissemination).
    fn barrier(&mut self) -> io::Result<()> {
        let (size, mut step) = (self.size(), 1);
        while step < size {
            self.send((self.rank + step) % size, &[0.0])?;
            self.receive((self.rank + size - step) % size, &mut [0.0], |to, from| *to = from)?;
            step *= 2;
        }
        Ok(())
    }

    /// A time for all to begin at, told by rank 0: ranks that leave a barrier one after the other would measure that, too.
    /// They have one clock, for they are processes of one machine, as namespaces are.
    fn appointment(&mut self) -> io::Result<Instant> {
        self.barrier()?;
        let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other);
        let mut start = (now()? + 2 * self.trip + Duration::from_millis(2)).as_nanos() as u64;
        if self.rank == 0 {
            self.peers.iter_mut().flatten().try_for_each(|peer| peer.stream.write_all(&start.to_le_bytes()))?;
        } else {
            let mut bytes = [0; 8];
            self.peer(0)?.receive(&mut bytes)?;
            start = u64::from_le_bytes(bytes);
        }
        let wait = Duration::from_nanos(start).saturating_sub(now()?);
        let start = Instant::now() + wait;
        thread::sleep(wait);
        Ok(start)
    }

    /// Where a part of the numbers begins and ends.
    fn part(&self, part: usize, length: usize) -> std::ops::Range<usize> {
        part * length / self.size()..(part + 1) * length / self.size()
    }

    /// Everyone sends each rank its part, each adds up its own, in the order of the ranks, and sends the sum to all.
    fn direct(&mut self, numbers: &mut [f32]) -> io::Result<()> {
        let (rank, size, length) = (self.rank, self.size(), numbers.len());
        let mine = self.part(rank, length);
        // Each begins with the rank after it, so that no rank is sent everything at once.
        for peer in (1..size).map(|step| (rank + step) % size) {
            self.send(peer, &numbers[self.part(peer, length)])?;
        }
        let own = numbers[mine.clone()].to_vec();
        numbers[mine.clone()].fill(0.0);
        for peer in 0..size {
            if peer == rank {
                numbers[mine.clone()].iter_mut().zip(&own).for_each(|(sum, own)| *sum += own);
            } else {
                self.receive(peer, &mut numbers[mine.clone()], |sum, number| *sum += number)?;
            }
        }
        for peer in (1..size).map(|step| (rank + step) % size) {
            self.send(peer, &numbers[mine.clone()])?;
        }
        for peer in (1..size).map(|step| (rank + size - step) % size) {
            let part = self.part(peer, length);
            self.receive(peer, &mut numbers[part], |to, from| *to = from)?;
        }
        Ok(())
    }

    /// Parts go around the ring once to be added up, once more to be known to all.
    fn ring(&mut self, numbers: &mut [f32]) -> io::Result<()> {
        let (rank, size, length) = (self.rank, self.size(), numbers.len());
        let (next, previous) = ((rank + 1) % size, (rank + size - 1) % size);
        for step in 0..2 * (size - 1) {
            let send = self.part((rank + 2 * size - step) % size, length);
            let receive = self.part((rank + 2 * size - step - 1) % size, length);
            self.send(next, &numbers[send])?;
            if step < size - 1 {
                self.receive(previous, &mut numbers[receive], |sum, number| *sum += number)?;
            } else {
                self.receive(previous, &mut numbers[receive], |to, from| *to = from)?;
            }
        }
        Ok(())
    }

    /// Whole messages: added up towards rank 0 along a binomial tree, and sent back along it.
    fn tree(&mut self, numbers: &mut [f32]) -> io::Result<()> {
        let (rank, size) = (self.rank, self.size());
        let above = if rank == 0 { size.next_power_of_two() } else { 1 << rank.trailing_zeros() };
        let children: Vec<usize> =
            (0..).map(|bit| 1 << bit).take_while(|&bit| bit < above && rank + bit < size).collect();
        for child in &children {
            self.receive(rank + child, numbers, |sum, number| *sum += number)?;
        }
        if rank > 0 {
            self.send(rank - above, numbers)?;
            self.receive(rank - above, numbers, |to, from| *to = from)?;
        }
        for child in children.iter().rev() {
            self.send(rank + child, numbers)?;
        }
        Ok(())
    }
}

/// Seconds for which this process has kept processors busy, its threads and the kernel's work for them included.
fn processor_seconds() -> io::Result<f32> {
    let text = fs::read_to_string("/proc/self/stat")?;
    // The program's name may hold blanks; after it come the state, ten more fields, and both times in hundredths of a
    // second.
    let fields = text.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
    Ok(fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f32>().ok()).sum::<f32>() / 100.0)
}

type AllReduce = fn(&mut Ranks, &mut [f32]) -> io::Result<()>;
const ALGORITHMS: [(&str, AllReduce); 3] = [("direct", Ranks::direct), ("ring", Ranks::ring), ("tree", Ranks::tree)];

/// Times one algorithm at one size, and writes the line on rank 0.
fn measure(ranks: &mut Ranks, (name, all_reduce): (&str, AllReduce), bytes: usize) -> Result<(), Box<dyn Error>> {
    let (rank, size) = (ranks.rank, ranks.size());
    let run = |ranks: &mut Ranks| -> Result<f32, Box<dyn Error>> {
        let mut numbers = vec![(rank + 1) as f32; bytes / 4];
        let start = ranks.appointment()?;
        all_reduce(ranks, &mut numbers)?;
        let seconds = start.elapsed().as_secs_f32();
        let sum = (size * (size + 1) / 2) as f32;
        match numbers.iter().find(|&&number| number != sum) {
            Some(wrong) => Err(format!("{name}: {bytes} bytes: rank {rank} has {wrong}; the sum is {sum}").into()),
            None => Ok(seconds),
        }
    };
    // The first opens TCP's windows, the second says how often there is time for it.
    run(ranks)?;
    let mut repeats = [(0.4 / run(ranks)?).clamp(3.0, 20.0)];
    if rank == 0 {
        (1..size).try_for_each(|peer| ranks.send(peer, &repeats))?;
    } else {
        ranks.receive(0, &mut repeats, |to, from| *to = from)?;
    }
    let repeats = repeats[0] as usize;
    let (before, start) = (processor_seconds()?, Instant::now());
    let mut times = (0..repeats).map(|_| run(ranks)).collect::<Result<Vec<_>, _>>()?;
    let mut used = [processor_seconds()? - before];
    let seconds = start.elapsed().as_secs_f32();
    if rank > 0 {
        ranks.send(0, &used)?;
        return Ok(ranks.send(0, &times)?);
    }
    for peer in 1..size {
        ranks.receive(peer, &mut used, |sum, used| *sum += used)?;
        ranks.receive(peer, &mut times, |slowest, time| *slowest = slowest.max(time))?;
    }
    times.sort_by(f32::total_cmp);
    let (median, minimum) = (1e6 * times[repeats / 2], 1e6 * times[0]);
    println!("{size},{name},{bytes},{repeats},{median:.1},{minimum:.1},{:.2}", used[0] / seconds);
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [rank, delay, most, addresses @ ..] = &arguments[..] else {
        eprintln!("tcp_all_reduce RANK DELAY_US MOST_BYTES ADDRESS_OF_RANK_0 ADDRESS_OF_RANK_1 …");
        process::exit(2);
    };
    let rank: usize = rank.parse()?;
    if rank >= addresses.len() || addresses.len() > 256 {
        return Err(format!("rank {rank} of {}: ranks count from 0, and there are at most 256", addresses.len()).into());
    }
    let mut ranks = Ranks::connect(rank, Duration::from_micros(delay.parse()?), addresses)?;
    let most: usize = most.parse()?;
    for algorithm in ALGORITHMS {
        for bytes in SIZES.into_iter().filter(|&bytes| bytes <= most) {
            measure(&mut ranks, algorithm, bytes)?;
        }
    }
    // A rank that ended would cut off those that still read from it.
    ranks.barrier()?;
    Ok(())
}
