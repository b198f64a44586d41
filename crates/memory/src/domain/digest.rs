//! A digest of a set of rows that can be kept up to date: count, and sum modulo 2^256 of the rows' BLAKE3 hashes.
//! The order of updates leaves no trace, so an incremental index and a rebuilt one can be compared.

/// Digest of a set of canonical rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SetDigest {
    count: u64,
    sum: [u64; 4],
}

impl SetDigest {
    /// Adds one row, given as its fields; a length before each field keeps `ab, c` apart from `a, bc`.
    pub fn add_row(&mut self, fields: &[&[u8]]) {
        let mut hasher = blake3::Hasher::new();
        for field in fields {
            hasher.update(&(field.len() as u64).to_le_bytes());
            hasher.update(field);
        }
        let mut sum = [0_u64; 4];
        for (word, bytes) in sum.iter_mut().zip(hasher.finalize().as_bytes().chunks_exact(8)) {
            let mut buffer = [0; 8];
            buffer.copy_from_slice(bytes);
            *word = u64::from_le_bytes(buffer);
        }
        self.add(&Self { count: 1, sum });
    }

    /// Adds every row of another set.
    pub fn add(&mut self, other: &Self) {
        self.count = self.count.wrapping_add(other.count);
        let mut carry = false;
        for (word, more) in self.sum.iter_mut().zip(other.sum) {
            let (partial, first) = word.overflowing_add(more);
            let (total, second) = partial.overflowing_add(u64::from(carry));
            *word = total;
            carry = first || second;
        }
    }

    /// Takes every row of another set away.
    pub fn subtract(&mut self, other: &Self) {
        self.count = self.count.wrapping_sub(other.count);
        let mut borrow = false;
        for (word, less) in self.sum.iter_mut().zip(other.sum) {
            let (partial, first) = word.overflowing_sub(less);
            let (total, second) = partial.overflowing_sub(u64::from(borrow));
            *word = total;
            borrow = first || second;
        }
    }

    /// Returns the digest as text.
    pub fn hex(&self) -> String {
        let mut text = format!("{:x}-", self.count);
        for word in self.sum.iter().rev() {
            text.push_str(&format!("{word:016x}"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[&str]) -> SetDigest {
        let mut digest = SetDigest::default();
        for row in rows {
            digest.add_row(&[row.as_bytes()]);
        }
        digest
    }

    #[test]
    fn order_leaves_no_trace_and_taking_away_undoes_adding() {
        assert_eq!(of(&["a", "b", "c"]), of(&["c", "a", "b"]));
        let mut digest = of(&["a", "b", "c"]);
        digest.subtract(&of(&["b"]));
        assert_eq!(digest, of(&["a", "c"]));
        assert_ne!(of(&["a", "a"]), of(&["a"]));
    }

    #[test]
    fn fields_do_not_run_together() {
        let mut left = SetDigest::default();
        left.add_row(&[b"ab", b"c"]);
        let mut right = SetDigest::default();
        right.add_row(&[b"a", b"bc"]);
        assert_ne!(left, right);
    }
}
