//! LDAP messages on the wire: `ldap3_proto`'s codec behind our own reading of the frame.
//!
//! The codec refuses a message with a name or a filter that is not UTF-8, and forgets whether some
//! controls are critical. Here each whole frame is taken off the stream first, so that such a
//! message gets an answer, and the connection goes on.

use ldap3_proto::LdapCodec;
use ldap3_proto::proto::LdapMsg;
use std::io;
use tokio_util::bytes::BytesMut;
use tokio_util::codec::{Decoder, Encoder};

/// The longest message.
const LONGEST: usize = 16 << 20;

/// One message from a client.
#[derive(Debug)]
pub struct Frame {
    /// The OIDs of the controls that the client marked as critical.
    pub critical: Vec<String>,
    /// The message, or what could be read of it.
    pub message: Result<LdapMsg, Malformed>,
}

/// A message that is well framed and nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Its id.
    pub id: i32,
    /// The tag of its operation.
    pub tag: u8,
}

/// The codec of the server's side.
pub struct Codec(LdapCodec);

impl Default for Codec {
    fn default() -> Self {
        Self(LdapCodec::new(Some(LONGEST), None))
    }
}

impl Decoder for Codec {
    type Item = Frame;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<Frame>> {
        let Some(length) = frame_length(buffer)? else {
            return Ok(None);
        };
        let frame = buffer.split_to(length);
        let (id, tag, critical) = parts(&frame)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not an LDAP message"))?;
        let message = match self.0.decode(&mut frame.clone()) {
            Ok(Some(message)) => Ok(message),
            Ok(None) | Err(_) => Err(Malformed { id, tag }),
        };
        Ok(Some(Frame { critical, message }))
    }
}

impl Encoder<LdapMsg> for Codec {
    type Error = io::Error;

    fn encode(&mut self, message: LdapMsg, buffer: &mut BytesMut) -> io::Result<()> {
        self.0.encode(message, buffer)
    }
}

/// Returns whether a whole message is waiting in a buffer (or something that ends the connection).
pub fn is_complete(buffer: &[u8]) -> bool {
    !matches!(frame_length(buffer), Ok(None))
}

/// Returns the length of the first message, once all of it is there.
fn frame_length(buffer: &[u8]) -> io::Result<Option<usize>> {
    let bad = |text: &str| io::Error::new(io::ErrorKind::InvalidData, text.to_owned());
    match buffer.first() {
        None => return Ok(None),
        Some(0x30) => {}
        Some(_) => return Err(bad("not an LDAP message")),
    }
    let Some((header, length)) = header(buffer) else {
        // At most six bytes say how long it is.
        return if buffer.len() > 6 {
            Err(bad("not an LDAP message"))
        } else {
            Ok(None)
        };
    };
    let whole = header.saturating_add(length);
    if whole > LONGEST {
        return Err(bad("the message is too long"));
    }
    Ok((buffer.len() >= whole).then_some(whole))
}

/// Returns the length of the tag and length bytes, and of the content.
fn header(bytes: &[u8]) -> Option<(usize, usize)> {
    let first = usize::from(*bytes.get(1)?);
    if first < 0x80 {
        return Some((2, first));
    }
    let count = first & 0x7f;
    if count == 0 || count > 4 {
        return None;
    }
    let length = bytes
        .get(2..2 + count)?
        .iter()
        .fold(0_usize, |sum, b| (sum << 8) | usize::from(*b));
    Some((2 + count, length))
}

/// Takes one element off: its tag, its content, and the rest.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (start, length) = header(bytes)?;
    let content = bytes.get(start..start.checked_add(length)?)?;
    Some((*bytes.first()?, content, bytes.get(start + length..)?))
}

/// Returns a message's id, the tag of its operation, and its critical controls.
fn parts(frame: &[u8]) -> Option<(i32, u8, Vec<String>)> {
    let (_, message, _) = element(frame)?;
    let (0x02, id, rest) = element(message)? else {
        return None;
    };
    let id = id
        .iter()
        .take(4)
        .fold(0_i32, |sum, b| (sum << 8) | i32::from(*b));
    let (tag, _, rest) = element(rest)?;
    let mut critical = Vec::new();
    if let Some((0xa0, mut controls, _)) = element(rest) {
        while let Some((_, control, after)) = element(controls) {
            controls = after;
            if let Some((0x04, oid, fields)) = element(control)
                && let Some((0x01, value, _)) = element(fields)
                && value.first().is_some_and(|b| *b != 0)
            {
                critical.push(String::from_utf8_lossy(oid).into_owned());
            }
        }
    }
    Some((id, tag, critical))
}

#[cfg(test)]
mod tests {
    use super::{Codec, Malformed, is_complete};
    use ldap3_proto::control::LdapControl;
    use ldap3_proto::proto::{LdapDerefAliases, LdapFilter, LdapMsg, LdapOp};
    use ldap3_proto::proto::{LdapSearchRequest, LdapSearchScope};
    use tokio_util::bytes::BytesMut;
    use tokio_util::codec::{Decoder, Encoder};

    fn search() -> LdapMsg {
        LdapMsg::new_with_ctrls(
            300,
            LdapOp::SearchRequest(LdapSearchRequest {
                base: "o=internet".into(),
                scope: LdapSearchScope::Subtree,
                aliases: LdapDerefAliases::Never,
                sizelimit: 0,
                timelimit: 0,
                typesonly: false,
                filter: LdapFilter::Equality("uid".into(), "QQQQ".into()),
                attrs: vec!["x".repeat(200)],
            }),
            vec![LdapControl::Unknown {
                oid: "1.2.3.4".into(),
                criticality: true,
                value: None,
            }],
        )
    }

    #[test]
    fn a_message_is_taken_only_when_it_is_whole() {
        let mut whole = BytesMut::new();
        Codec::default().encode(search(), &mut whole).unwrap();
        for length in 0..whole.len() {
            let mut part = BytesMut::from(&whole[..length]);
            assert!(!is_complete(&part));
            assert!(Codec::default().decode(&mut part).unwrap().is_none());
        }
        let frame = Codec::default().decode(&mut whole).unwrap().unwrap();
        assert_eq!(frame.critical, ["1.2.3.4"]);
        assert_eq!(frame.message.unwrap().msgid, 300);
        assert!(whole.is_empty());
    }

    #[test]
    fn a_filter_that_is_not_utf8_leaves_the_stream_usable() {
        let mut bytes = BytesMut::new();
        Codec::default().encode(search(), &mut bytes).unwrap();
        let at = bytes.windows(4).position(|w| w == b"QQQQ").unwrap();
        bytes[at] = 0xff;
        Codec::default().encode(search(), &mut bytes).unwrap();
        let mut codec = Codec::default();
        let bad = codec.decode(&mut bytes).unwrap().unwrap().message;
        assert_eq!(bad.unwrap_err(), Malformed { id: 300, tag: 0x63 });
        assert!(codec.decode(&mut bytes).unwrap().unwrap().message.is_ok());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, start in 0..3_usize) {
            let mut buffer = BytesMut::from(&b"\x30\x84\x00"[..start]);
            buffer.extend_from_slice(&bytes);
            while let Ok(Some(_)) = Codec::default().decode(&mut buffer) {}
        }
    }
}
