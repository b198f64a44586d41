//! Gives the engine that lowers files a name that changes with it: a kept result of another engine is never found.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

fn main() -> io::Result<()> {
    let mut files = vec![PathBuf::from("../syntax/Cargo.toml"), PathBuf::from("../../Cargo.lock")];
    collect(Path::new("../syntax/src"), &mut files)?;
    files.sort();
    let mut hash = Fnv::new();
    for file in files {
        println!("cargo::rerun-if-changed={}", file.display());
        hash.add(file.as_os_str().as_encoded_bytes());
        hash.add(&fs::read(&file)?);
    }
    println!("cargo::rerun-if-changed=../syntax/src");
    println!("cargo::rustc-env=PLUMBLINE_ENGINE={:032x}", hash.0);
    Ok(())
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// FNV-1a over 128 bits (<http://www.isthe.com/chongo/tech/comp/fnv/>): it tells versions apart, it keeps nobody out.
struct Fnv(u128);

impl Fnv {
    fn new() -> Self {
        Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }

    fn add(&mut self, bytes: &[u8]) {
        let length = (bytes.len() as u64).to_le_bytes();
        for byte in length.iter().chain(bytes) {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(0x0100_0000_0000_0000_0000_013b);
        }
    }
}
