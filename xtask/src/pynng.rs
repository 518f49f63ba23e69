//! pynng on the C library: its extension built with the headers and the library of an installation, and its own tests.
//!
//! Its source comes from PyPI and is not changed. Only what its build is told of folders and libraries is: it would build an NNG of its own.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{Done, command, output, run, skipped, target_dir};

/// Builds it on what is installed with this prefix, and runs its tests. What is needed comes from PyPI: without it this is an error.
pub(crate) fn pynng(prefix: &Path) -> Done {
    build_and_test(&prepare()?, prefix)
}

/// As [`pynng`], for whoever runs all checks. On a machine of their own they may do without PyPI.
pub(crate) fn check(prefix: &Path) -> Done {
    match prepare() {
        Ok(prepared) => build_and_test(&prepared, prefix),
        Err(e) => skipped(&format!("pynng: {e} (Debian: apt-get install python3-venv python3-dev; PyPI: {NAME})")),
    }
}

/// A Python with what pynng needs to be built and tested, and pynng's source.
struct Prepared {
    python: String,
    source: PathBuf,
}

fn prepare() -> Done<Prepared> {
    let dir = target_dir().join("pynng-source");
    let (venv, source) = (dir.join("venv"), dir.join(NAME));
    let python = venv.join("bin/python").display().to_string();
    if output(&mut command(&python, &["-c", "import pytest_trio, pytest_asyncio, cffi, setuptools_scm"])).is_err() {
        run(command("python3", &["-m", "venv"]).arg(&venv))?;
        run(command(&python, &["-m", "pip", "install", "--quiet"]).args(PACKAGES))?;
    }
    output(&mut command(&python, &["-c", HEADERS]))?;
    if !source.join("nng_api.h").exists() {
        let wanted = dir.join("source.txt");
        fs::write(&wanted, SOURCE).map_err(|e| format!("{}: {e}", wanted.display()))?;
        // pip asks the source for its version, which setuptools-scm finds in it.
        let mut download = command(&python, &["-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation"]);
        run(download.args(["--no-binary", ":all:", "--dest"]).arg(&dir).arg("-r").arg(&wanted))?;
        output(command("tar", &["-xzf"]).arg(dir.join(format!("{NAME}.tar.gz"))).arg("-C").arg(&dir))?;
    }
    Ok(Prepared { python, source })
}

fn build_and_test(prepared: &Prepared, prefix: &Path) -> Done {
    let Prepared { python, source } = prepared;
    let build = source.with_file_name("build.py");
    fs::write(&build, BUILD).map_err(|e| format!("{}: {e}", build.display()))?;
    output(command(python, &[]).arg(&build).arg(source).arg(prefix))?;
    let with_ours = |args: &[&str]| {
        let mut python = command(python, args);
        python.current_dir(source).env("PYTHONPATH", source).env("LD_LIBRARY_PATH", prefix.join("lib"));
        python
    };
    let loaded = output(&mut with_ours(&["-c", LOADED]))?;
    // The system tells where the file is, without links.
    let real = fs::canonicalize(prefix).map_err(|e| format!("{}: {e}", prefix.display()))?;
    if !loaded.contains(&real.display().to_string()) {
        return Err(format!("pynng runs on {loaded}"));
    }
    let mut test = with_ours(&["-m", "pytest", "-p", "no:cacheprovider", "--quiet", "--quiet", "-rs"]);
    for (name, why) in LEFT_OUT {
        println!("left out: {name}: {why}");
        test.arg("--deselect").arg(name);
    }
    run(test.arg("test"))
}

const NAME: &str = "pynng-0.9.0";
/// pip's requirement: the version, and the hash of its source.
const SOURCE: &str = "pynng==0.9.0 --hash=sha256:fcd839abf82a2934fa8c27ff57b574b41810458e35895bac6288814defa8fb4e";
const PACKAGES: [&str; 8] = [
    "cffi==2.0.0",
    "setuptools==75.3.2",
    "setuptools-scm==8.1.0",
    "sniffio==1.3.1",
    "trio==0.35.0",
    "pytest==9.2.0",
    "pytest-asyncio==1.5.0",
    "pytest-trio==0.8.0",
];

/// Tests that tell of the machine and not of the library, and why. pynng itself skips four.
const LEFT_OUT: [(&str, &str); 5] = [
    ("test/test_options.py::test_can_set_recvmaxsize", FIXED_PORT),
    ("test/test_options.py::test_nng_sockaddr", FIXED_PORT),
    ("test/test_protocols.py::test_can_pass_addr_as_bytes_or_str", FIXED_PORT),
    ("test/test_protocols.py::test_surveyor_respondent", "it allows 0.9 s, however busy the machine is"),
    ("test/test_tls.py", FIXED_PORT),
];
const FIXED_PORT: &str = "it listens at a fixed port, which may be in use";

/// An extension is compiled with Python's own headers.
const HEADERS: &str = r#"
import os, sys, sysconfig
header = sysconfig.get_path("include") + "/Python.h"
os.path.exists(header) or sys.exit("there is no " + header)
"#;

/// Compiles pynng's interface, as its own build does in the end, with other folders and libraries.
const BUILD: &str = r#"
import os, sys
source, prefix = sys.argv[1:]
os.chdir(source)
sys.path.insert(0, source)
from build_pynng import ffibuilder
options = ffibuilder._assigned_source[-1]
options.update(include_dirs=[prefix + "/include"], library_dirs=[prefix + "/lib"], libraries=["nng"], extra_objects=[])
ffibuilder.compile()
"#;

/// The file that the functions come from.
const LOADED: &str = r#"
import pynng._nng
print({line.split()[-1] for line in open("/proc/self/maps") if "libspanwire" in line or "libnng" in line})
"#;
