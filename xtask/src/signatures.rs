//! The functions of the C library have the types in the code that its headers say. Nobody else would notice: C knows the headers only, Rust the
//! code only, and a linker neither.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::run::{Done, cargo, output};

/// Compares the code with prototypes as gcc prints them, by name. Answers how they differ.
pub(crate) fn differences(prototypes: &BTreeMap<String, String>, scratch: &Path) -> Done<Vec<String>> {
    let code = of_code(&expanded(scratch)?);
    let mut wrong = Vec::new();
    for (name, prototype) in prototypes {
        match (code.get(name), of_header(name, prototype)) {
            (None, _) => wrong.push(format!("{name} is not in the code")),
            (Some(code), header) if *code != header => {
                wrong.push(format!(
                    "{name} is {} in the code and {} in the header",
                    code.join(", "),
                    header.join(", ")
                ));
            }
            (Some(_), _) => {}
        }
    }
    Ok(wrong)
}

/// The code with its macros expanded. Only a nightly compiler does that, or one that is told to be one; cargo is not, which would build all
/// dependencies anew.
fn expanded(scratch: &Path) -> Done<String> {
    let wrapper = scratch.join("expand.sh");
    fs::write(&wrapper, "#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec \"$@\"\n").map_err(|e| e.to_string())?;
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).map_err(|e| e.to_string())?;
    let mut expand = cargo(&["rustc", "--package", "spanwire-ffi", "--lib", "--profile", "check", "--"]);
    output(expand.arg("-Zunpretty=expanded").env("RUSTC_WORKSPACE_WRAPPER", &wrapper))
}

/// What a function answers, and its arguments.
type Signature = Vec<String>;

fn of_code(text: &str) -> BTreeMap<String, Signature> {
    let functions = text.split("pub unsafe extern \"C\" fn ").skip(1);
    let functions = functions.filter_map(|function| {
        let (name, rest) = function.split_once('(')?;
        let (args, rest) = rest.split_at(closing(rest)?);
        let result = rest.trim_start_matches(')').split('{').next().unwrap_or_default().trim();
        let result = result.strip_prefix("->").unwrap_or("()");
        let args = list(args).into_iter().filter_map(|arg| Some(rust_type(arg.split_once(':')?.1)));
        Some((name.to_owned(), [rust_type(result)].into_iter().chain(args).collect()))
    });
    functions.collect()
}

fn of_header(name: &str, prototype: &str) -> Signature {
    let (result, args) = prototype.split_once(&format!("{name} (")).unwrap_or((prototype, ""));
    let args = list(args.trim_end().trim_end_matches(')'));
    // Rust's side of a function with any number of arguments jumps to C's.
    let args = args.into_iter().filter(|arg| !["void", "..."].contains(arg));
    [result].into_iter().chain(args).map(c_type).collect()
}

/// Where the parenthesis closes that was open before this.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 1;
    text.char_indices().find_map(|(at, c)| {
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        (depth == 0).then_some(at)
    })
}

/// What commas separate, but not those within parentheses.
fn list(text: &str) -> Vec<&str> {
    let mut depth = 0;
    let parts = text.split(|c| {
        match c {
            '(' | '<' => depth += 1,
            ')' | '>' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn rust_type(text: &str) -> String {
    let text = text.trim();
    if let Some(to) = text.strip_prefix("*mut ") {
        return format!("{}*", rust_type(to));
    }
    if let Some(to) = text.strip_prefix("*const ") {
        // C writes it behind what is a pointer itself.
        let to = rust_type(to);
        return if to.ends_with('*') { format!("{to}const*") } else { format!("const {to}*") };
    }
    if text.starts_with("Option<") {
        return FUNCTION.to_owned();
    }
    // An array is its first element to C.
    let name = text.trim_start_matches('[').split(';').next().unwrap_or_default();
    plain(name.rsplit("::").next().unwrap_or(name)).to_owned()
}

fn c_type(text: &str) -> String {
    if text.contains("(*") {
        return FUNCTION.to_owned();
    }
    let text = text.replace("struct ", "");
    let words = text.split_inclusive('*').map(|part| {
        let (part, star) = part.strip_suffix('*').map_or((part, ""), |part| (part, "*"));
        let (constant, name) = part.trim().strip_prefix("const ").map_or(("", part.trim()), |name| ("const ", name));
        format!("{constant}{}{star}", plain(name))
    });
    words.collect()
}

/// One name for what is the same type.
fn plain(name: &str) -> &str {
    TYPES.iter().find(|(other, _)| *other == name).map_or(name, |(_, same)| same)
}

const FUNCTION: &str = "function";

/// Names of types, in C's prototypes and in the code, and one that they share. Enumerations are numbers to Rust, which may have any value.
const TYPES: [(&str, &str); 30] = [
    ("()", "void"),
    ("c_void", "void"),
    ("c_char", "char"),
    ("c_int", "int"),
    ("c_uint", "unsigned int"),
    ("_Bool", "bool"),
    ("size_t", "usize"),
    ("long unsigned int", "usize"),
    ("u64", "usize"),
    ("uint64_t", "usize"),
    ("nng_time", "usize"),
    ("u32", "unsigned int"),
    ("uint32_t", "unsigned int"),
    ("u16", "uint16_t"),
    ("short unsigned int", "uint16_t"),
    ("u8", "uint8_t"),
    ("unsigned char", "uint8_t"),
    ("nng_pipe_ev", "int"),
    ("nng_init_parameter", "int"),
    ("nng_log_level", "int"),
    ("nng_log_facility", "int"),
    ("nng_tls_mode", "int"),
    ("nng_tls_auth_mode", "int"),
    ("nng_tls_version", "int"),
    ("nng_tls_engine", "void"),
    ("nng_logger", FUNCTION),
    ("nng_pipe_cb", FUNCTION),
    ("nng_aio_cancelfn", FUNCTION),
    ("Host", "spanwire_host"),
    ("Vtable", "spanwire_transport"),
];
