//! Generates the Rust side of the contract: prost messages and the descriptor that the strict
//! reader walks by. Run as `descargo-gen PROTO_DIR OUT_DIR`.
//!
//! The output is committed, so that a build needs neither a protobuf compiler nor this tool.

use std::error::Error;
use std::path::{Path, PathBuf};

use prost::Message;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(proto_dir), Some(out_dir)) = (arguments.next(), arguments.next()) else {
        return Err("usage: descargo-gen PROTO_DIR OUT_DIR".into());
    };
    let mut files: Vec<PathBuf> = std::fs::read_dir(proto_dir.join("descargo/v1"))?
        .map(|entry| entry.map(|found| found.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "proto"));
    files.sort();
    generate(&proto_dir, &files, &out_dir)
}

/// Writes `descargo.v1.rs` and `descargo.v1.binpb` into `out_dir`.
fn generate(proto_dir: &Path, files: &[PathBuf], out_dir: &Path) -> Result<(), Box<dyn Error>> {
    let descriptors = protox::compile(files, [proto_dir])?;
    let mut bare = descriptors.clone();
    for file in &mut bare.file {
        // Comments are for readers of the .proto files; the reader needs only numbers and types.
        file.source_code_info = None;
    }
    std::fs::write(out_dir.join("descargo.v1.binpb"), bare.encode_to_vec())?;
    prost_build::Config::new().out_dir(out_dir).compile_fds(descriptors)?;
    Ok(())
}
