//! The C library's surface: headers, list of symbols, table of functions and the built library agree with each other.
//!
//! The headers in `ffi/include` say what there is. `ffi/symbols.txt` is the list of it, `ffi/FUNCTIONS.md` the table that tells which functions
//! are done. `cargo xtask abi --write` makes both anew; without it they are compared, and so are the symbols of the built library. What
//! is not done stands in the lists `not_yet!` and `no_op!` of the code, which is where the table takes it from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{Done, cargo, command, output, root, run, skipped, target_dir};
use crate::signatures;

/// Compares all of them, or writes the list and the table first.
pub(crate) fn abi(args: &[&str]) -> Done {
    let write = match args {
        [] => false,
        ["--write"] => true,
        _ => return Err("cargo xtask abi [--write]".to_owned()),
    };
    let headers = headers()?;
    let declared = declared(&headers)?;
    let absent = absent()?;
    agree(SYMBOLS, &list(&declared), write)?;
    agree(TABLE, &table(&declared, &absent)?, write)?;
    compile(&headers)?;
    like_debian(&headers)?;
    like_the_code(&headers)?;
    given_nothing(&declared)?;
    exported(&declared)
}

/// One header, by its path below `ffi/include`.
struct Header {
    name: String,
    text: String,
}

/// Functions that the code has in a list: how it calls that state, and why.
type Absent = BTreeMap<String, (&'static str, String)>;

/// Functions by their header.
type Declared = BTreeMap<String, String>;

fn headers() -> Done<Vec<Header>> {
    let include = root().join(INCLUDE);
    let mut headers = Vec::new();
    for path in files(&include, "h")? {
        let text = read(&path)?;
        let name = path.strip_prefix(&include).unwrap_or(&path).display().to_string();
        headers.push(Header { name, text });
    }
    headers.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(headers)
}

/// The functions that the headers declare.
fn declared(headers: &[Header]) -> Done<Declared> {
    let mut found = Declared::new();
    for header in headers {
        for declaration in header.text.replace("NNG_DECL", "NN_DECL").split("\nNN_DECL ").skip(1) {
            let name = declaration.split('(').next().unwrap_or_default();
            let name = name.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
            // `#define NN_DECL ...` is none.
            if PREFIXES.iter().any(|prefix| name.starts_with(prefix))
                && let Some(other) = found.insert(name.to_owned(), header.name.clone())
            {
                return Err(format!("{name} is declared in {other} and in {}", header.name));
            }
        }
    }
    Ok(found)
}

/// The functions that the code says are not done.
fn absent() -> Done<Absent> {
    let mut found = Absent::new();
    for path in files(&root().join("ffi/src"), "rs")? {
        let text = read(&path)?;
        for (opening, state) in [("\nnot_yet! {\n", NOT_YET), ("\nno_op! {\n", NO_OP)] {
            for block in text.split(opening).skip(1) {
                let block = block.split("\n}").next().unwrap_or_default();
                let why =
                    block.split('"').nth(1).ok_or_else(|| format!("{}: {opening:?} without a text", path.display()))?;
                for function in block.split(" fn ").skip(1) {
                    let name = function.split('(').next().unwrap_or_default();
                    found.insert(name.to_owned(), (state, why.to_owned()));
                }
            }
        }
    }
    Ok(found)
}

fn list(declared: &Declared) -> String {
    declared.keys().fold(String::new(), |list, name| list + name + "\n")
}

fn table(declared: &Declared, absent: &Absent) -> Done<String> {
    if let Some(name) = absent.keys().find(|name| !declared.contains_key(*name)) {
        return Err(format!("{name} is in a list of ffi/src and in no header"));
    }
    let state = |name| absent.get(name).map_or((FINISHED, ""), |(state, why)| (*state, why.as_str()));
    let count = |wanted| declared.keys().filter(|name| state(name.as_str()).0 == wanted).count();
    let mut by_header = BTreeMap::<_, Vec<_>>::new();
    for (name, header) in declared {
        by_header.entry(header).or_default().push(name);
    }
    let mut table = format!(
        "# Functions of the C library\n\nMade by `cargo xtask abi --write` from the headers and the code, and compared with both by `cargo xtask abi`.\n\n\
         | state | functions | meaning |\n|---|---|---|\n\
         | {FINISHED} | {} | does what NNG's does |\n\
         | {NO_OP} | {} | there is nothing to do; it succeeds |\n\
         | {NOT_YET} | {} | answers `NNG_ENOTSUP`, null or 0; an aio ends with `NNG_ENOTSUP` |\n",
        count(FINISHED),
        count(NO_OP),
        count(NOT_YET)
    );
    for (header, functions) in by_header {
        let _ = write!(table, "\n## `{header}`\n\n| function | state | note |\n|---|---|---|\n");
        for name in functions {
            let (state, why) = state(name);
            let _ = writeln!(table, "| `{name}` | {state} | {why} |");
        }
    }
    Ok(table)
}

/// A file of the workspace has this content, or gets it.
fn agree(file: &str, content: &str, write: bool) -> Done {
    let path = root().join(file);
    if write {
        return fs::write(&path, content).map_err(|e| format!("{file}: {e}"));
    }
    let found = read(&path)?;
    if found == content {
        println!("ok: {file}");
        return Ok(());
    }
    let differs = found.lines().zip(content.lines()).find(|(a, b)| a != b);
    let (found, wanted) = differs.unwrap_or(("the end", "another end"));
    Err(format!("{file} has {found:?} where {wanted:?} belongs: cargo xtask abi --write"))
}

/// Each header compiles alone, as C99 and as C++17.
fn compile(headers: &[Header]) -> Done {
    let dir = scratch()?;
    for header in headers {
        for (compiler, standard, extension) in [("cc", "-std=c99", "c"), ("c++", "-std=c++17", "cpp")] {
            let file = dir.join(format!("alone.{extension}"));
            // Pedantic compilers want something in a file.
            let text = format!("#include <{}>\nextern int unused;\n", header.name);
            fs::write(&file, text).map_err(|e| format!("{}: {e}", file.display()))?;
            let mut check = command(compiler, &[standard, "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-pedantic"]);
            output(check.arg("-I").arg(INCLUDE).arg(&file))?;
        }
    }
    println!("ok: {} headers compile alone, as C99 and as C++17", headers.len());
    Ok(())
}

/// Functions that Debian's `libnng-dev` declares as well have the same types there.
fn like_debian(headers: &[Header]) -> Done {
    let theirs = Path::new("/usr/include");
    if !theirs.join("nng/nng.h").exists() {
        return skipped("comparison with NNG's own headers: there are none (Debian: libnng-dev)");
    }
    let ours = prototypes(&root().join(INCLUDE), headers)?;
    let theirs = prototypes(theirs, headers)?;
    let mut wrong = Vec::new();
    for (name, prototype) in &theirs {
        match ours.get(name) {
            None => wrong.push(format!("{name} is missing: {prototype}")),
            Some(own) if own != prototype => wrong.push(format!("{own}\n  is with NNG\n{prototype}")),
            Some(_) => {}
        }
    }
    verdict(&format!("{} functions have the types of NNG's own headers", theirs.len()), wrong)
}

/// The functions of the code have the types that the headers say.
fn like_the_code(headers: &[Header]) -> Done {
    if command("gcc", &["--version"]).output().is_err() {
        return skipped("comparison of the headers with the code: there is no gcc");
    }
    let ours = prototypes(&root().join(INCLUDE), headers)?;
    let wrong = signatures::differences(&ours, &scratch()?)?;
    verdict(&format!("{} functions have the types of the headers in the code", ours.len()), wrong)
}

/// The test that calls each function without what it needs has all of them.
fn given_nothing(declared: &Declared) -> Done {
    let test = read(&root().join(NULLS))?;
    let missing = declared.keys().filter(|name| !test.contains(&format!("{name}(")));
    let missing = missing.map(|name| format!("{name} is not called in {NULLS}")).collect();
    verdict(&format!("{NULLS} calls every function"), missing)
}

/// The functions that a compiler finds in the headers of a folder, as it prints them.
fn prototypes(include: &Path, headers: &[Header]) -> Done<BTreeMap<String, String>> {
    let dir = scratch()?;
    let (file, found) = (dir.join("all.c"), dir.join("all.aux"));
    let there = headers.iter().filter(|header| include.join(&header.name).exists() && header.name != "nng/nng.h");
    // Some of NNG's own headers need this one before them.
    let text =
        there.fold("#include <nng/nng.h>\n".to_owned(), |text, header| text + &format!("#include <{}>\n", header.name));
    fs::write(&file, text).map_err(|e| format!("{}: {e}", file.display()))?;
    let mut compile = command("gcc", &["-fsyntax-only", "-w"]);
    output(compile.arg("-I").arg(include).arg("-aux-info").arg(&found).arg(&file))?;
    let mut functions = BTreeMap::new();
    for line in read(&found)?.lines() {
        let Some((_, prototype)) = line.split_once("*/ extern ") else { continue };
        let prototype = prototype.split(';').next().unwrap_or_default();
        let name = prototype.split(" (").next().unwrap_or_default().rsplit([' ', '*']).next().unwrap_or_default();
        if PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
            functions.insert(name.to_owned(), prototype.to_owned());
        }
    }
    Ok(functions)
}

/// The built library exports what the headers declare, and nothing else.
fn exported(declared: &Declared) -> Done {
    run(&mut cargo(&["build", "--package", "spanwire-ffi"]))?;
    let library = target_dir().join("debug/libspanwire.so");
    let symbols = output(command("nm", &["-D", "--defined-only"]).arg(&library))?;
    let symbols: BTreeSet<_> = symbols.lines().filter_map(|line| line.rsplit(' ').next()).collect();
    let declared: BTreeSet<_> = declared.keys().map(String::as_str).collect();
    let missing = declared.difference(&symbols).map(|name| format!("{name} is declared and not exported"));
    let surplus = symbols.difference(&declared).map(|name| format!("{name} is exported and not declared"));
    verdict(&format!("{} functions are exported", declared.len()), missing.chain(surplus).collect())
}

fn verdict(what: &str, wrong: Vec<String>) -> Done {
    match wrong.is_empty() {
        true => {
            println!("ok: {what}");
            Ok(())
        }
        false => Err(wrong.join("\n")),
    }
}

/// The files below a folder that end like this.
fn files(dir: &Path, extension: &str) -> Done<Vec<PathBuf>> {
    let (mut files, mut dirs) = (Vec::new(), vec![dir.to_owned()]);
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).map_err(|e| format!("{}: {e}", dir.display()))?.flatten() {
            let path = entry.path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension() == Some(extension.as_ref()) {
                files.push(path);
            }
        }
    }
    Ok(files)
}

fn read(path: &Path) -> Done<String> {
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

fn scratch() -> Done<PathBuf> {
    let dir = target_dir().join("abi");
    fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    Ok(dir)
}

const INCLUDE: &str = "ffi/include";
const SYMBOLS: &str = "ffi/symbols.txt";
const TABLE: &str = "ffi/FUNCTIONS.md";
const NULLS: &str = "ffi/tests/c/nulls.c";
const PREFIXES: [&str; 3] = ["nng_", "nn_", "spanwire_"];

const FINISHED: &str = "done";
const NO_OP: &str = "no-op";
const NOT_YET: &str = "ENOTSUP";
