//! The backup stream between `imbackup` and `imsrestore`: blocks with a header, then records.
//!
//! The vendor's layout is private (`domain/stores.md` 6), so this one is the lab's own. What it has
//! in common: blocks of 512 × b bytes, a header that says b, a last block filled up with zeros, and
//! an end that a reader can miss. Each record carries its length and a sum, so that a stream cut at
//! any byte gives every record that was whole before the cut and nothing broken.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::{self, Read, Write};

/// The unit of the blocking factor.
pub const UNIT: usize = 512;
/// The blocking factor when none is given: blocks of 10240 bytes.
pub const DEFAULT_FACTOR: usize = 20;
/// The largest blocking factor that is taken.
pub const MAX_FACTOR: usize = 2048;

const MAGIC: &[u8; 8] = b"SUNWimbk";
const RECORD: &[u8; 4] = b"imRC";
/// More than any message is; a length over this is a broken record.
const MAX_RECORD: u64 = 1 << 30;

/// What the first 512 bytes of a stream say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamHeader {
    /// The program that wrote it, such as `SIMS 4.0 imbackup`.
    pub writer: String,
    /// The host it was written on.
    pub host: String,
    /// The blocking factor.
    pub factor: usize,
    /// When it was begun, seconds since the epoch.
    pub date: i64,
}

/// One thing in a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A user begins.
    User(UserRecord),
    /// A folder of the last user begins; the name is any bytes.
    Folder(Vec<u8>),
    /// A message of the last folder.
    Message(MessageRecord, Vec<u8>),
    /// The stream is whole.
    End,
}

/// A user of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRecord {
    /// The name in the old store.
    pub name: String,
    /// How many messages follow.
    pub messages: u64,
}

/// What a stream says of a message besides its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageRecord {
    /// Flags such as `\Seen`.
    pub flags: Vec<String>,
    /// When it arrived, seconds since the epoch.
    pub date: i64,
}

/// Why a stream cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The beginning is not that of a backup stream.
    #[error("invalid header: this is not a backup stream")]
    NoHeader,
    /// The blocks are of another size than expected.
    #[error(
        "invalid block size: the stream was written with blocking factor {found}, not {wanted}"
    )]
    Factor {
        /// What the header says.
        found: usize,
        /// What was asked for.
        wanted: usize,
    },
    /// It stops before its end.
    #[error("unexpected end of the backup stream")]
    Cut,
    /// A record is damaged.
    #[error("corrupt record in the backup stream")]
    Corrupt,
    /// The source cannot be read.
    #[error("cannot read the backup stream: {0}")]
    Io(#[from] io::Error),
}

/// Writes a stream block by block.
pub struct StreamWriter<W> {
    target: W,
    block: Vec<u8>,
    size: usize,
    /// Bytes written so far.
    pub bytes: u64,
}

impl<W: Write> StreamWriter<W> {
    /// Begins a stream with its header.
    ///
    /// # Errors
    /// When the target refuses.
    pub fn new(target: W, header: &StreamHeader) -> io::Result<Self> {
        let size = header.factor * UNIT;
        let mut writer = Self {
            target,
            block: Vec::with_capacity(size),
            size,
            bytes: 0,
        };
        let mut head = MAGIC.to_vec();
        head.extend(serde_json::to_vec(header)?);
        if head.len() >= UNIT {
            return Err(io::Error::other("the header does not fit"));
        }
        head.resize(UNIT, 0);
        writer.put(&head)?;
        Ok(writer)
    }

    /// Writes one record.
    ///
    /// # Errors
    /// When the target refuses.
    pub fn record(&mut self, record: &Record) -> io::Result<()> {
        match record {
            Record::User(user) => self.put_record(b'U', &serde_json::to_vec(user)?, &[]),
            Record::Folder(name) => self.put_record(b'F', name, &[]),
            Record::Message(meta, text) => self.put_record(b'M', &serde_json::to_vec(meta)?, text),
            Record::End => self.put_record(b'E', &[], &[]),
        }
    }

    /// Writes the end record and fills the last block.
    ///
    /// # Errors
    /// When the target refuses.
    pub fn finish(mut self) -> io::Result<u64> {
        self.record(&Record::End)?;
        if !self.block.is_empty() {
            let missing = self.size - self.block.len();
            self.put(&vec![0; missing])?;
        }
        self.target.flush()?;
        Ok(self.bytes)
    }

    fn put_record(&mut self, kind: u8, meta: &[u8], text: &[u8]) -> io::Result<()> {
        let mut head = RECORD.to_vec();
        head.push(kind);
        head.extend(
            u32::try_from(meta.len())
                .map_err(io::Error::other)?
                .to_le_bytes(),
        );
        head.extend((text.len() as u64).to_le_bytes());
        head.extend(sum(&head, meta, text));
        self.put(&head)?;
        self.put(meta)?;
        self.put(text)
    }

    fn put(&mut self, mut data: &[u8]) -> io::Result<()> {
        while !data.is_empty() {
            let room = self.size - self.block.len();
            let (now, later) = data.split_at(room.min(data.len()));
            self.block.extend_from_slice(now);
            data = later;
            if self.block.len() == self.size {
                self.target.write_all(&self.block)?;
                self.bytes += self.size as u64;
                self.block.clear();
            }
        }
        Ok(())
    }
}

/// Reads a stream record by record.
pub struct StreamReader<R> {
    source: R,
    header: StreamHeader,
}

impl<R: Read> StreamReader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`StreamError::NoHeader`] for anything that is not a backup stream.
    pub fn new(mut source: R) -> Result<Self, StreamError> {
        let mut head = [0; UNIT];
        read_whole(&mut source, &mut head).map_err(|e| match e {
            StreamError::Cut => StreamError::NoHeader,
            other => other,
        })?;
        let json = head.strip_prefix(MAGIC).ok_or(StreamError::NoHeader)?;
        let json = json.split(|b| *b == 0).next().unwrap_or_default();
        let header = serde_json::from_slice(json).map_err(|_| StreamError::NoHeader)?;
        Ok(Self { source, header })
    }

    /// Returns what the header says.
    pub fn header(&self) -> &StreamHeader {
        &self.header
    }

    /// Reads the next record; [`Record::End`] once, at the end.
    ///
    /// # Errors
    /// [`StreamError::Cut`] when the stream stops before its end.
    pub fn read_record(&mut self) -> Result<Record, StreamError> {
        let mut head = [0; 17 + SUM];
        read_whole(&mut self.source, &mut head)?;
        let (head, expected) = head.split_at(17);
        if !head.starts_with(RECORD) {
            return Err(StreamError::Corrupt);
        }
        let kind = head.get(4).copied().unwrap_or_default();
        let meta_length = u64::from(u32::from_le_bytes(array(head.get(5..9))?));
        let text_length = u64::from_le_bytes(array(head.get(9..17))?);
        if meta_length > MAX_RECORD || text_length > MAX_RECORD {
            return Err(StreamError::Corrupt);
        }
        let meta = self.take(meta_length)?;
        let text = self.take(text_length)?;
        if sum(head, &meta, &text) != expected {
            return Err(StreamError::Corrupt);
        }
        match kind {
            b'U' => Ok(Record::User(parse(&meta)?)),
            b'F' => Ok(Record::Folder(meta)),
            b'M' => Ok(Record::Message(parse(&meta)?, text)),
            b'E' => Ok(Record::End),
            _ => Err(StreamError::Corrupt),
        }
    }

    /// Reads what comes after the end, so that the writer is not left with a broken pipe.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub fn drain(&mut self) -> io::Result<u64> {
        io::copy(&mut self.source, &mut io::sink())
    }

    /// Reads `length` bytes without trusting the length before they are there.
    fn take(&mut self, length: u64) -> Result<Vec<u8>, StreamError> {
        let mut data = Vec::new();
        (&mut self.source).take(length).read_to_end(&mut data)?;
        if data.len() as u64 == length {
            Ok(data)
        } else {
            Err(StreamError::Cut)
        }
    }
}

const SUM: usize = 8;

fn sum(head: &[u8], meta: &[u8], text: &[u8]) -> Vec<u8> {
    let digest = Sha256::new()
        .chain_update(head)
        .chain_update(meta)
        .chain_update(text)
        .finalize();
    digest.iter().copied().take(SUM).collect()
}

fn array<const N: usize>(bytes: Option<&[u8]>) -> Result<[u8; N], StreamError> {
    bytes
        .and_then(|b| b.try_into().ok())
        .ok_or(StreamError::Corrupt)
}

fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, StreamError> {
    serde_json::from_slice(json).map_err(|_| StreamError::Corrupt)
}

fn read_whole(source: &mut impl Read, buffer: &mut [u8]) -> Result<(), StreamError> {
    source.read_exact(buffer).map_err(|e| match e.kind() {
        io::ErrorKind::UnexpectedEof => StreamError::Cut,
        _ => StreamError::Io(e),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(factor: usize) -> StreamHeader {
        StreamHeader {
            writer: "test".into(),
            host: "mail".into(),
            factor,
            date: 5,
        }
    }

    fn write(records: &[Record], factor: usize) -> Vec<u8> {
        let mut data = Vec::new();
        let mut writer = StreamWriter::new(&mut data, &header(factor)).unwrap();
        for record in records {
            writer.record(record).unwrap();
        }
        writer.finish().unwrap();
        data
    }

    fn read(data: &[u8]) -> (Vec<Record>, Option<StreamError>) {
        let mut reader = match StreamReader::new(data) {
            Ok(reader) => reader,
            Err(e) => return (Vec::new(), Some(e)),
        };
        let mut records = Vec::new();
        loop {
            match reader.read_record() {
                Ok(Record::End) => return (records, None),
                Ok(record) => records.push(record),
                Err(e) => return (records, Some(e)),
            }
        }
    }

    fn any_record() -> impl Strategy<Value = Record> {
        let bytes = proptest::collection::vec(any::<u8>(), 0..700);
        prop_oneof![
            ("[a-z@.]{1,20}", any::<u64>())
                .prop_map(|(name, messages)| Record::User(UserRecord { name, messages })),
            bytes.clone().prop_map(Record::Folder),
            (bytes, any::<i64>()).prop_map(|(text, date)| Record::Message(
                MessageRecord {
                    flags: vec!["\\Seen".into()],
                    date
                },
                text
            )),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn every_stream_comes_back_and_a_cut_one_gives_what_was_whole(
            records in proptest::collection::vec(any_record(), 0..12),
            factor in 1_usize..5,
            cut in any::<prop::sample::Index>(),
        ) {
            let data = write(&records, factor);
            prop_assert_eq!(data.len() % (factor * UNIT), 0);
            let (back, error) = read(&data);
            prop_assert!(error.is_none());
            prop_assert_eq!(&back, &records);
            let (part, error) = read(&data[..cut.index(data.len())]);
            prop_assert!(part.len() <= records.len());
            prop_assert_eq!(&part[..], &records[..part.len()]);
            // Only a cut inside the zeros of the last block goes unnoticed: nothing is missing then.
            prop_assert!(error.is_some() || part.len() == records.len());
        }

        #[test]
        fn a_flipped_bit_never_gives_another_record(
            records in proptest::collection::vec(any_record(), 1..6),
            at in any::<prop::sample::Index>(),
        ) {
            let mut data = write(&records, 1);
            let at = at.index(data.len());
            data[at] ^= 0x10;
            let (part, _) = read(&data);
            prop_assert_eq!(&part[..], &records[..part.len()]);
        }
    }

    #[test]
    fn what_is_not_a_stream_is_refused() {
        for data in [&b""[..], b"Last login: Mon\n", &[0; 4096]] {
            assert!(matches!(read(data).1, Some(StreamError::NoHeader)));
        }
    }
}
