//! The image: kernel, command line and ramdisks in one file, what it measures, and what it was made from.

use std::{
    collections::BTreeMap,
    fmt::Display,
    fs,
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
};

use aws_nitro_enclaves_image_format::{
    defs::{EifBuildInfo, EifIdentityInfo},
    utils::EifBuilder,
};
use cloister_client::image::{Image, Measurements};
use rustix::fs::MemfdFlags;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha384};

use crate::{
    cache,
    failure::{Code, Failure, Result},
    kernel::{self, Kernel},
    program::{self, Built},
    progress::Progress,
    ramdisk::{self, Entry},
    recipe::{CPUS, Checkout, Firmware, MEMORY_MIB},
    sbom,
};

/// What to build, and where.
#[derive(Debug)]
pub struct Order {
    /// From which checkout.
    pub checkout: Checkout,
    /// Which program.
    pub firmware: Firmware,
    /// The folder for image, measurements and bill of materials; made if it is not there.
    pub output: PathBuf,
    /// Where Cargo builds.
    pub target: PathBuf,
    /// The kernel source's package, where apt cannot get it.
    pub kernel_source: Option<PathBuf>,
    /// Compilers at work at once.
    pub jobs: usize,
}

/// What was built.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// The image.
    pub image: PathBuf,
    /// Its measurements and inputs.
    pub measurements: PathBuf,
    /// Its bill of materials, CycloneDX.
    pub materials: PathBuf,
    /// Bytes of the image.
    pub bytes: usize,
    /// What it measures.
    #[serde(flatten)]
    pub registers: Measurements,
}

/// Something that the image depends on, by digest or by version.
#[derive(Debug, Serialize)]
struct Input {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
}

/// Builds it.
///
/// # Errors
/// An input is missing or wrong, a compiler fails, or a file cannot be written.
pub fn build(order: &Order, progress: &Progress) -> Result<Summary> {
    let (checkout, firmware) = (&order.checkout, order.firmware);
    let kernel = kernel::build(checkout, order.kernel_source.as_deref(), order.jobs, progress)?;
    progress.say(format!("PID 1: compiling {}", firmware.program()));
    let built = program::build(checkout, firmware, &order.target, order.jobs)?;
    progress.say("image: putting it together");
    let (image, by_its_builder) = assemble(checkout, firmware, &kernel, &built)?;
    let registers = measure(&image, &by_its_builder)?;
    let description = describe(&image, &registers, inputs(checkout, &kernel, &built)?)?;
    let materials = sbom::write(checkout, firmware, &kernel)?;
    fs::create_dir_all(&order.output).map_err(|why| Failure::file(&order.output, why))?;
    let put = |name: &str, content: &[u8]| replace(&order.output.join(name), content);
    Ok(Summary {
        measurements: put("pcr.json", &description)?,
        materials: put("sbom.json", &materials)?,
        image: put(&format!("{}.eif", firmware.image()), &image)?,
        bytes: image.len(),
        registers,
    })
}

fn assemble(
    checkout: &Checkout,
    firmware: Firmware,
    kernel: &Kernel,
    built: &Built,
) -> Result<(Vec<u8>, BTreeMap<String, String>)> {
    let folder = tempfile::tempdir()?;
    let platform = folder.path().join("platform");
    fs::write(&platform, ramdisk::pack(&[Entry::Folder("dev"), Entry::Folder("sys")])?)?;
    let application = folder.path().join("application");
    fs::write(&application, ramdisk::pack(&[Entry::Program("init", &built.bytes)])?)?;
    let identity = EifIdentityInfo {
        img_name: firmware.image().to_owned(),
        img_version: env!("CARGO_PKG_VERSION").to_owned(),
        build_info: EifBuildInfo {
            // A time would be another with every build.
            build_time: "1970-01-01T00:00:00Z".to_owned(),
            build_tool: env!("CARGO_PKG_NAME").to_owned(),
            build_tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            img_os: "none".to_owned(),
            img_kernel: kernel.name.clone(),
        },
        docker_info: json!({}),
        custom_info: json!({}),
    };
    let mut builder = EifBuilder::new(&kernel.file, checkout.command_line()?, None, Sha384::new(), X86_64, identity);
    builder.add_ramdisk(&platform);
    builder.add_ramdisk(&application);
    // In memory: AWS's library panics when a disk is full.
    let mut file = fs::File::from(rustix::fs::memfd_create("image", MemfdFlags::CLOEXEC).map_err(io::Error::from)?);
    let registers = builder.write_to(&mut file);
    let mut image = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut image)?;
    Ok((image, registers))
}

/// What an image measures, by the reader that customers use. It has to be what AWS's library says of what it has put together.
fn measure(image: &[u8], by_its_builder: &BTreeMap<String, String>) -> Result<Measurements> {
    let invalid = |why: &dyn Display| {
        Failure::new(Code::ImageInvalid, format!("what was built: {why}"), "Report it: no build should come to this.")
    };
    let measured = Image::parse(image).map_err(|why| invalid(&why))?.measurements().clone();
    let Measurements { pcr0, pcr1, pcr2, .. } = &measured;
    for (name, pcr) in [("PCR0", pcr0), ("PCR1", pcr1), ("PCR2", pcr2)] {
        if by_its_builder.get(name) != Some(&pcr.to_string()) {
            return Err(invalid(&format!("AWS's library measures another {name}")));
        }
    }
    Ok(measured)
}

pub(crate) fn describe(image: &[u8], registers: &Measurements, inputs: impl Serialize) -> Result<Vec<u8>> {
    let description = json!({
        "format": FORMAT,
        "Measurements": registers,
        "image": {"sha384": hex::encode(Sha384::digest(image)), "bytes": image.len()},
        "memory_mib": MEMORY_MIB,
        "cpus": CPUS,
        "inputs": inputs,
    });
    let mut text = serde_json::to_vec_pretty(&description).map_err(io::Error::from)?;
    text.push(b'\n');
    Ok(text)
}

fn inputs(checkout: &Checkout, kernel: &Kernel, built: &Built) -> Result<Vec<Input>> {
    let digest = |name: &str, sha256: String| Input { name: name.to_owned(), sha256: Some(sha256), version: None };
    let version =
        |name: &str, version: &str| Input { name: name.to_owned(), sha256: None, version: Some(version.to_owned()) };
    let mut inputs = vec![
        digest(&kernel.name, kernel.source.clone()),
        digest("eif/kernel/config", cache::sha256(&checkout.root().join("eif/kernel/config"))?),
        digest("eif/cmdline.txt", cache::sha256(&checkout.root().join("eif/cmdline.txt"))?),
        digest("Cargo.lock", cache::sha256(&checkout.root().join("Cargo.lock"))?),
    ];
    for (name, value) in &built.tools {
        inputs.push(if *name == "libc.a" { digest(name, value.clone()) } else { version(name, value) });
    }
    Ok(inputs)
}

/// Puts a file in place, whole or not at all.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<PathBuf> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> io::Result<()> {
        let mut file = tempfile::Builder::new().permissions(permissions()).tempfile_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|why| Failure::file(path, why))?;
    Ok(path.to_owned())
}

fn permissions() -> fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o644)
}

/// The format of `pcr.json`.
pub const FORMAT: &str = "cloister-image-v1";
/// The header's flags of an image for x86-64.
const X86_64: u16 = 0;
