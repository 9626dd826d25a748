//! Protocol buffers, written by hand: the few message types of ONNX that a network needs.
//!
//! A message is a sequence of fields, each a varint key `number << 3 | wire type` and a value: a
//! varint (type 0), or a length and bytes (type 2: strings, messages, packed numbers). The field
//! numbers are those of `onnx.proto3`; for the encoding see
//! <https://protobuf.dev/programming-guides/encoding>.

/// A message under construction.
#[derive(Debug, Clone, Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    pub(super) fn integer(mut self, field: u32, value: i64) -> Self {
        self.key(field, 0);
        // Negative numbers take ten bytes: two's complement of 64 bits.
        self.varint(value as u64);
        self
    }

    pub(super) fn bytes(mut self, field: u32, value: &[u8]) -> Self {
        self.key(field, 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    pub(super) fn text(self, field: u32, value: &str) -> Self {
        self.bytes(field, value.as_bytes())
    }

    pub(super) fn message(self, field: u32, value: &Message) -> Self {
        self.bytes(field, &value.0)
    }

    pub(super) fn integers(self, field: u32, values: &[i64]) -> Self {
        let mut packed = Message::default();
        for &value in values {
            packed.varint(value as u64);
        }
        self.message(field, &packed)
    }

    /// Its encoding.
    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }

    fn key(&mut self, field: u32, wire_type: u32) {
        self.varint(u64::from(field << 3 | wire_type));
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the encoding's documentation, and a negative number.
    #[test]
    fn known_encodings() {
        let inner = || Message::default().integer(1, 150);
        let cases: [(Message, &[u8]); 5] = [
            (inner(), &[0x08, 0x96, 0x01]),
            (Message::default().text(2, "testing"), b"\x12\x07testing"),
            (Message::default().message(3, &inner()), &[0x1a, 0x03, 0x08, 0x96, 0x01]),
            (
                Message::default().integers(6, &[3, 270, 86_942]),
                &[0x32, 0x06, 0x03, 0x8e, 0x02, 0x9e, 0xa7, 0x05],
            ),
            (
                Message::default().integer(1, -1),
                &[0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1],
            ),
        ];
        for (message, expected) in cases {
            assert_eq!(message.finish(), expected);
        }
    }
}
