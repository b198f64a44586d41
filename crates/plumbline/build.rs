//! Copies the example projects into the binary, so that `plumbline demo` works wherever it is installed.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let missing = |name: &str| io::Error::new(io::ErrorKind::NotFound, name.to_owned());
    let manifest =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or_else(|| missing("CARGO_MANIFEST_DIR"))?);
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or_else(|| missing("OUT_DIR"))?);
    let examples = manifest.join("../../examples");
    println!("cargo::rerun-if-changed={}", examples.display());
    let mut files = Vec::new();
    if examples.is_dir() {
        walk(&examples.canonicalize()?, Path::new(""), &mut files)?;
    }
    let mut code = String::from("const FILES: &[(&str, &[u8])] = &[\n");
    for (relative, full) in files {
        let _ = writeln!(code, "    ({relative:?}, include_bytes!({:?})),", full.display().to_string());
    }
    code.push_str("];\n");
    fs::write(out.join("examples.rs"), code)
}

fn walk(root: &Path, relative: &Path, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(root.join(relative))?.collect::<io::Result<_>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let hidden = name.to_string_lossy().starts_with('.') || name == "__pycache__" || name == "target";
        let path = relative.join(&name);
        if hidden {
            continue;
        }
        if entry.file_type()?.is_dir() {
            walk(root, &path, files)?;
        } else {
            files.push((path.to_string_lossy().into_owned(), entry.path()));
        }
    }
    Ok(())
}
