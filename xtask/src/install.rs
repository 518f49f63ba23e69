//! `cargo xtask install`: the C library, its headers, and what build systems find it with.
//!
//! ```text
//! lib/libspanwire.so.VERSION        the library; its own name (SONAME) is libspanwire.so.MAJOR
//! lib/libspanwire.so.MAJOR, .so     links: for programs that run, and for linking with -lspanwire
//! lib/libspanwire.a                 the static library
//! lib/libnng.so.1                   an empty library of that name that needs libspanwire.so.MAJOR
//! lib/libnng.so                     a link to the library: for linking with -lnng
//! lib/pkgconfig/{spanwire,nng}.pc
//! lib/cmake/{spanwire,nng}/
//! include/spanwire.h, include/nng/
//! ```
//!
//! A program that was linked with NNG's library, such as Debian's `nngcat`, asks for `libnng.so.1`. A link of that name would do only where the
//! loader looks for files by name: `ldconfig` lists libraries by the name that is written in them. So it is a library of its own, with that
//! name in it and no code. A program that is linked here asks for `libspanwire.so.MAJOR`, whether with `-lspanwire` or `-lnng`. So there is
//! one copy of the library in a process, whoever asked for it, and nobody who uses `spanwire_` functions gets NNG's library by mistake.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::run::{Done, cargo, command, output, root, run, skipped, target_dir};

/// Builds and installs. `--prefix` is where the files will be used, `--destdir` a folder to put in front of it for now.
pub(crate) fn install(args: &[&str]) -> Done {
    let place = Place::of(args)?;
    let version = version()?;
    let soname = format!("libspanwire.so.{}", version.split('.').next().unwrap_or_default());
    let name = format!("-Clink-arg=-Wl,-soname,{soname}");
    run(&mut cargo(&["rustc", "--package", "spanwire-ffi", "--lib", "--release", "--", &name]))?;

    let built = target_dir().join("release");
    let library = format!("libspanwire.so.{version}");
    let lib = place.folder("lib")?;
    copy(&built.join("libspanwire.so"), &lib.join(&library))?;
    copy(&built.join("libspanwire.a"), &lib.join("libspanwire.a"))?;
    run(command("strip", &["--strip-unneeded"]).arg(lib.join(&library)))?;
    run(command("strip", &["--strip-debug"]).arg(lib.join("libspanwire.a")))?;
    for link in [soname.as_str(), "libspanwire.so", "libnng.so"] {
        relink(&library, &lib.join(link))?;
    }
    by_nngs_name(&lib, &soname)?;
    headers(&place)?;
    package_configs(&place, &version)?;
    cmake_configs(&place, &version, &library)?;

    let size = |name: &str| fs::metadata(lib.join(name)).map_or(0, |found| found.len());
    println!("\n{library}: {} bytes, stripped", size(&library));
    println!("libspanwire.a: {} bytes, without debug info", size("libspanwire.a"));
    println!("installed for {} in {}", place.prefix.display(), place.real.display());
    Ok(())
}

/// Installs into a folder of its own, and builds and runs programs with what is there: by pkg-config, by CMake, static, and linked with NNG's
/// library.
pub(crate) fn check() -> Done {
    let dir = target_dir().join("installed");
    // What an earlier run left must not help.
    let _ = fs::remove_dir_all(&dir);
    let prefix = checked();
    install(&["--prefix", &prefix.display().to_string()])?;
    let lib = prefix.join("lib");
    let (source, program) = (dir.join("version.c"), dir.join("version"));
    write(&source, PROGRAM)?;
    for package in ["spanwire", "nng"] {
        let mut flags = command("pkg-config", &["--cflags", "--libs", package]);
        let flags = output(flags.env("PKG_CONFIG_PATH", lib.join("pkgconfig")))?;
        output(command("cc", &["-o"]).arg(&program).arg(&source).args(flags.split_whitespace()))?;
        prints_version(command(&program.display().to_string(), &[]).env("LD_LIBRARY_PATH", &lib))?;
    }
    let mut link = command("cc", &["-o"]);
    link.arg(&program).arg(&source).arg("-I").arg(prefix.join("include")).arg(lib.join("libspanwire.a"));
    output(link.args(SYSTEM.split_whitespace()))?;
    prints_version(&mut command(&program.display().to_string(), &[]))?;
    println!("ok: programs link by pkg-config and with the static library");

    match Path::new("/usr/bin/nngcat").exists() {
        true => prints_version(command("/usr/bin/nngcat", &["--version"]).env("LD_LIBRARY_PATH", &lib))
            .map(|()| println!("ok: a program that was linked with NNG's library runs"))?,
        false => skipped("a program that was linked with NNG's library: there is no nngcat")?,
    }
    if command("cmake", &["--version"]).output().is_err() {
        return skipped("CMake: there is none");
    }
    let project = dir.join("project");
    fs::create_dir_all(&project).map_err(|e| format!("{}: {e}", project.display()))?;
    write(&project.join("version.c"), PROGRAM)?;
    write(&project.join("CMakeLists.txt"), PROJECT)?;
    let build = project.join("build");
    output(
        command("cmake", &["-S"])
            .arg(&project)
            .arg("-B")
            .arg(&build)
            .arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display())),
    )?;
    output(command("cmake", &["--build"]).arg(&build))?;
    for program in ["by-nng", "by-spanwire"] {
        prints_version(&mut command(&build.join(program).display().to_string(), &[]))?;
    }
    println!("ok: CMake finds both packages");
    Ok(())
}

/// Where [`check`] has installed it.
pub(crate) fn checked() -> PathBuf {
    target_dir().join("installed/prefix")
}

fn prints_version(program: &mut std::process::Command) -> Done {
    match output(program)?.trim() {
        NNG_VERSION => Ok(()),
        other => Err(format!("{program:?} printed {other:?} instead of {NNG_VERSION}")),
    }
}

/// Where it goes.
struct Place {
    prefix: PathBuf,
    /// The prefix behind the destination folder.
    real: PathBuf,
}

impl Place {
    fn of(args: &[&str]) -> Done<Self> {
        let (mut prefix, mut destdir) = (None, None);
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let (name, value) = match arg.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (*arg, args.next().copied()),
            };
            let slot = match name {
                "--prefix" => &mut prefix,
                "--destdir" => &mut destdir,
                _ => return Err(USAGE.to_owned()),
            };
            *slot = Some(PathBuf::from(value.ok_or(USAGE)?));
        }
        let prefix = prefix.ok_or(USAGE)?;
        if !prefix.is_absolute() {
            return Err(format!("--prefix {}: an absolute path is needed", prefix.display()));
        }
        let real = match destdir {
            Some(destdir) => destdir.join(prefix.strip_prefix("/").unwrap_or(&prefix)),
            None => prefix.clone(),
        };
        Ok(Self { prefix, real })
    }

    /// A folder below the prefix, which is made if need be.
    fn folder(&self, name: &str) -> Done<PathBuf> {
        let path = self.real.join(name);
        fs::create_dir_all(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(path)
    }
}

/// The version of the package, as cargo knows it.
fn version() -> Done<String> {
    let id = output(&mut cargo(&["pkgid", "--package", "spanwire-ffi"]))?;
    id.trim().rsplit(['#', '@']).next().map(str::to_owned).ok_or_else(|| format!("no version in {id}"))
}

/// The library that programs find that were linked with NNG's.
fn by_nngs_name(lib: &Path, soname: &str) -> Done {
    let path = lib.join("libnng.so.1");
    remove(&path)?;
    // Whoever finds this one finds the other beside it.
    let mut link =
        command("cc", &["-shared", "-nostdlib", "-Wl,-soname,libnng.so.1", "-Wl,-rpath,$ORIGIN", "-Wl,--no-as-needed"]);
    run(link.arg("-o").arg(&path).arg(lib.join(soname)))?;
    run(command("strip", &[]).arg(&path))
}

fn headers(place: &Place) -> Done {
    let from = root().join("ffi/include");
    let mut dirs = vec![from.clone()];
    while let Some(dir) = dirs.pop() {
        let inside = dir.strip_prefix(&from).unwrap_or(&dir).to_owned();
        let to = place.folder(&Path::new("include").join(inside).display().to_string())?;
        for entry in fs::read_dir(&dir).map_err(|e| format!("{}: {e}", dir.display()))?.flatten() {
            match entry.path() {
                path if path.is_dir() => dirs.push(path),
                path => copy(&path, &to.join(entry.file_name()))?,
            }
        }
    }
    Ok(())
}

fn package_configs(place: &Place, version: &str) -> Done {
    let dir = place.folder("lib/pkgconfig")?;
    let config = |name: &str, description: &str, version: &str, link: &str| {
        format!(
            "prefix={}\nlibdir=${{prefix}}/lib\nincludedir=${{prefix}}/include\n\nName: {name}\nDescription: {description}\nVersion: {version}\n\
             Libs: -L${{libdir}} {link}\nLibs.private: {SYSTEM}\nCflags: -I${{includedir}}\n",
            place.prefix.display()
        )
    };
    write(
        &dir.join("spanwire.pc"),
        &config("spanwire", "Brokerless messaging, with NNG's C API", version, "-lspanwire"),
    )?;
    write(&dir.join("nng.pc"), &config("nng", "NNG's C API, by Spanwire", NNG_VERSION, "-lnng"))
}

/// Packages `spanwire` (target `spanwire::spanwire`) and `nng` (`nng::nng`), which find themselves from where their files are.
fn cmake_configs(place: &Place, version: &str, library: &str) -> Done {
    for (name, version, variable) in [("spanwire", version, "SPANWIRE"), ("nng", NNG_VERSION, "NNG")] {
        let dir = place.folder(&format!("lib/cmake/{name}"))?;
        let config = format!(
            "get_filename_component(_prefix \"${{CMAKE_CURRENT_LIST_DIR}}/../../..\" ABSOLUTE)\n\
             if(NOT TARGET {name}::{name})\n\
             \x20 add_library({name}::{name} SHARED IMPORTED)\n\
             \x20 set_target_properties({name}::{name} PROPERTIES\n\
             \x20   IMPORTED_LOCATION \"${{_prefix}}/lib/{library}\"\n\
             \x20   INTERFACE_INCLUDE_DIRECTORIES \"${{_prefix}}/include\")\n\
             endif()\n\
             set({variable}_LIBRARY {name}::{name})\n\
             set({variable}_INCLUDE_DIRS \"${{_prefix}}/include\")\n\
             unset(_prefix)\n"
        );
        write(&dir.join(format!("{name}-config.cmake")), &config)?;
        let major = version.split('.').next().unwrap_or_default();
        let compatible = format!(
            "set(PACKAGE_VERSION \"{version}\")\n\
             if(PACKAGE_FIND_VERSION VERSION_LESS_EQUAL PACKAGE_VERSION AND PACKAGE_FIND_VERSION_MAJOR STREQUAL \"{major}\")\n\
             \x20 set(PACKAGE_VERSION_COMPATIBLE TRUE)\n\
             endif()\n\
             if(PACKAGE_FIND_VERSION VERSION_EQUAL PACKAGE_VERSION)\n\
             \x20 set(PACKAGE_VERSION_EXACT TRUE)\n\
             endif()\n"
        );
        write(&dir.join(format!("{name}-config-version.cmake")), &compatible)?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Done {
    // A library that somebody runs must not change under them.
    remove(to)?;
    fs::copy(from, to).map(drop).map_err(|e| format!("{} to {}: {e}", from.display(), to.display()))
}

fn write(path: &Path, text: &str) -> Done {
    fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}

fn relink(to: &str, link: &Path) -> Done {
    remove(link)?;
    symlink(to, link).map_err(|e| format!("{}: {e}", link.display()))
}

fn remove(path: &Path) -> Done {
    match fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(format!("{}: {e}", path.display())),
        Ok(()) | Err(_) => Ok(()),
    }
}

const USAGE: &str = "cargo xtask install --prefix DIR [--destdir DIR]";

/// The version of NNG whose API this is.
const NNG_VERSION: &str = "1.11.0";

const PROGRAM: &str = "\
#include <stdio.h>
#include <nng/nng.h>
int main(void) { return printf(\"%s\\n\", nng_version()) < 0; }
";

const PROJECT: &str = "\
cmake_minimum_required(VERSION 3.13)
project(version C)
find_package(nng 1.5 REQUIRED CONFIG)
find_package(spanwire REQUIRED CONFIG)
add_executable(by-nng version.c)
target_link_libraries(by-nng nng::nng)
add_executable(by-spanwire version.c)
target_link_libraries(by-spanwire spanwire::spanwire)
";

/// What the static library needs from the system.
const SYSTEM: &str = "-lgcc_s -lpthread -lm -ldl";
