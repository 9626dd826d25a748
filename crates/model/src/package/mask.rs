//! One bit for each element of a sparse matrix: whether it is nonzero.
//!
//! A row is its columns' bits, lowest bit first, then a one, then zeros up to a whole byte. The
//! last one marks the end of the columns.

/// The mask of `rows x cols` elements: `rows x (cols / 8 + 1)` bytes.
pub(super) fn pack(kept: impl Iterator<Item = bool>, cols: usize) -> Vec<u8> {
    let kept: Vec<bool> = kept.collect();
    let stride = cols / 8 + 1;
    let mut bytes = vec![0u8; kept.len() / cols * stride];
    for (row, bytes) in kept.chunks_exact(cols).zip(bytes.chunks_exact_mut(stride)) {
        for (j, _) in row.iter().enumerate().filter(|(_, kept)| **kept) {
            bytes[j / 8] |= 1 << (j % 8);
        }
        bytes[cols / 8] |= 1 << (cols % 8);
    }
    bytes
}

/// Number of columns of a mask with `stride` bytes per row; `None` if the rows do not end alike.
pub(super) fn columns(bytes: &[u8], stride: usize) -> Option<usize> {
    let end = |row: &[u8]| row.last().and_then(|byte| byte.checked_ilog2());
    let mut rows = bytes.chunks_exact(stride.max(1));
    let last = end(rows.next()?)?;
    rows.all(|row| end(row) == Some(last)).then(|| 8 * (stride - 1) + last as usize)
}

/// The matrix whose kept elements are `values`, in order; `None` if there are more or fewer values
/// than that.
pub(super) fn unpack<T: Copy + Default>(
    bytes: &[u8],
    stride: usize,
    cols: usize,
    values: &[T],
) -> Option<Vec<T>> {
    let mut values = values.iter();
    let mut data = Vec::with_capacity(bytes.len() / stride * cols);
    for row in bytes.chunks_exact(stride) {
        for j in 0..cols {
            let kept = row[j / 8] >> (j % 8) & 1 == 1;
            data.push(if kept { *values.next()? } else { T::default() });
        }
    }
    values.next().is_none().then_some(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_come_back_whatever_the_number_of_columns() {
        for (rows, cols) in [(1, 1), (3, 7), (2, 8), (5, 9), (1, 16), (4, 31)] {
            let data: Vec<i8> = (0..rows * cols).map(|i| [0, 3, 0, 0, -7][i * 11 % 5]).collect();
            let bytes = pack(data.iter().map(|q| *q != 0), cols);
            let stride = cols / 8 + 1;
            let values: Vec<i8> = data.iter().copied().filter(|q| *q != 0).collect();
            let case = format!("{rows} x {cols}");
            assert_eq!(
                (bytes.len(), columns(&bytes, stride)),
                (rows * stride, Some(cols)),
                "{case}"
            );
            assert_eq!(unpack(&bytes, stride, cols, &values), Some(data), "{case}");
            let more = [&values[..], &[1]].concat();
            assert_eq!(unpack(&bytes, stride, cols, &more), None, "{case}");
        }
        assert_eq!(columns(&[0b100, 0b1000], 1), None);
        assert_eq!(columns(&[0], 1), None);
        assert_eq!(columns(&[], 0), None);
    }
}
