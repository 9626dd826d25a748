//! Int4 values two to a byte, and back.

/// Added to a value of -8..=7 so that it is not negative.
const OFFSET: i8 = 8;

/// Packs `rows x cols` values of -8..=7 into `rows x ceil(cols / 2)` bytes, even columns in the low
/// halves.
pub(super) fn pack(values: &[i8], cols: usize) -> Vec<u8> {
    let half = |q: i8| (q + OFFSET) as u8 & 15;
    let pair = |pair: &[i8]| half(pair[0]) | half(pair.get(1).copied().unwrap_or(0)) << 4;
    values.chunks_exact(cols).flat_map(|row| row.chunks(2).map(pair)).collect()
}

/// Unpacks rows of `ceil(cols / 2)` bytes. The error is the index of the first byte with wrong
/// padding.
pub(super) fn unpack(bytes: &[u8], cols: usize) -> Result<Vec<i8>, usize> {
    let stride = cols.div_ceil(2);
    let mut values = Vec::with_capacity(bytes.len() / stride.max(1) * cols);
    for (row, bytes) in bytes.chunks_exact(stride.max(1)).enumerate() {
        for (i, &byte) in bytes.iter().enumerate() {
            values.push((byte & 15) as i8 - OFFSET);
            let high = (byte >> 4) as i8 - OFFSET;
            if 2 * i + 1 < cols {
                values.push(high);
            } else if high != 0 {
                return Err(row * stride + i);
            }
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_whatever_the_number_of_columns() {
        for (rows, cols) in [(1, 1), (3, 4), (2, 7), (5, 32), (1, 33)] {
            let values: Vec<i8> = (0..rows * cols).map(|i| (i * 7 % 16) as i8 - 8).collect();
            let bytes = pack(&values, cols);
            assert_eq!(bytes.len(), rows * cols.div_ceil(2), "{rows} x {cols}");
            assert_eq!(unpack(&bytes, cols).as_ref(), Ok(&values), "{rows} x {cols}");
        }
        assert_eq!(unpack(&[0x80, 0x81, 0x80, 0x91], 3), Err(3));
    }
}
