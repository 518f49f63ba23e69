//! Parsing of command lines: `nng_opts_parse`.

use std::ffi::{CStr, c_char, c_int};

use crate::error::Code;
use crate::guard::export;

/// One option that a program knows.
#[repr(C)]
#[derive(Debug)]
pub struct nng_optspec {
    /// The long name, or null.
    pub o_name: *const c_char,
    /// The short one, or 0.
    pub o_short: c_int,
    /// What the program gets; 0 ends the table.
    pub o_val: c_int,
    /// Whether it takes an argument.
    pub o_arg: bool,
}

export! {
    /// Takes one option off a command line, from `*index` on; -1 at the first word that is none.
    fn nng_opts_parse(
        argc: c_int,
        argv: *const *mut c_char,
        opts: *const nng_optspec,
        val: *mut c_int,
        arg: *mut *mut c_char,
        index: *mut c_int,
    ) -> c_int {
        if argv.is_null() || opts.is_null() || val.is_null() || arg.is_null() || index.is_null() {
            return Code::EINVAL.get();
        }
        // SAFETY: not null, and the caller's promise that they are what C's `main` gets, a table that ends with a 0, and three
        // places to write to.
        unsafe { parse(argc, argv, opts, val, arg, index) }
    }
}

/// # Safety
/// `argv` has `argc` texts; the last entry of `opts` has an `o_val` of 0; the others may be read and written.
unsafe fn parse(
    argc: c_int,
    argv: *const *mut c_char,
    opts: *const nng_optspec,
    val: *mut c_int,
    arg: *mut *mut c_char,
    index: *mut c_int,
) -> c_int {
    // SAFETY: within the command line, by the check in front of it.
    let word_at =
        |at: c_int| (0..argc).contains(&at).then(|| unsafe { *argv.add(at as usize) }).filter(|word| !word.is_null());
    // SAFETY: the caller's promise.
    let at = unsafe { *index };
    let Some(word) = word_at(at) else {
        return DONE;
    };
    // SAFETY: the caller's promise.
    let text = unsafe { CStr::from_ptr(word) }.to_bytes();
    let Some(option) = text.strip_prefix(b"-") else {
        return DONE;
    };
    if option.is_empty() {
        // A lone dash ends the options and is none of the words after them.
        // SAFETY: the caller's promise.
        unsafe { *index = at + 1 };
        return DONE;
    }
    // SAFETY: the caller's promise that the table ends with a 0.
    let opts = unsafe { std::slice::from_raw_parts(opts, (0..).take_while(|&nr| (*opts.add(nr)).o_val != 0).count()) };
    // SAFETY: the names of a table are texts.
    let found = unsafe { find(opts, option) };
    let (spec, name_len, value_at) = match found {
        Ok(found) => found,
        Err(code) => return code.get(),
    };
    let (rest, mut next) = (&option[name_len..], at + 1);
    if spec.o_arg {
        let value = if rest.is_empty() {
            next += 1;
            word_at(at + 1)
        } else {
            // SAFETY: within the word: its dash, the name, and what is between name and value.
            Some(unsafe { word.add(1 + value_at) })
        };
        match value {
            // SAFETY: the caller's promise.
            Some(value) => unsafe { *arg = value },
            None => return Code::ENOARG.get(),
        }
    } else if !rest.is_empty() {
        return Code::EINVAL.get();
    }
    // SAFETY: the caller's promise.
    unsafe {
        *val = spec.o_val;
        *index = next;
    }
    0
}

/// The option of a word without its first dash, where its name ends there, and where a value in the same word begins.
///
/// # Safety
/// Names are null or texts.
unsafe fn find<'a>(opts: &'a [nng_optspec], option: &[u8]) -> Result<(&'a nng_optspec, usize, usize), Code> {
    let Some(long) = option.strip_prefix(b"-") else {
        let short = c_int::from(option[0]);
        return opts.iter().find(|spec| spec.o_short == short).map(|spec| (spec, 1, 1)).ok_or(Code::EINVAL);
    };
    let len = long.iter().position(|c| b"=:".contains(c)).unwrap_or(long.len());
    let given = &long[..len];
    let mut found = None;
    for spec in opts.iter().filter(|spec| !spec.o_name.is_null()) {
        // SAFETY: the caller's promise; not null.
        let name = unsafe { CStr::from_ptr(spec.o_name) }.to_bytes();
        if name == given {
            return Ok((spec, 1 + len, 2 + len));
        }
        if name.starts_with(given) {
            found = Some(if found.is_none() { Ok(spec) } else { Err(Code::EAMBIGUOUS) });
        }
    }
    found.unwrap_or(Err(Code::EINVAL)).map(|spec| (spec, 1 + len, 2 + len))
}

/// There is no further option.
const DONE: c_int = -1;

#[cfg(test)]
mod tests {
    use super::*;

    const fn spec(name: &'static CStr, short: u8, val: c_int, arg: bool) -> nng_optspec {
        nng_optspec { o_name: name.as_ptr(), o_short: short as c_int, o_val: val, o_arg: arg }
    }

    /// Parses until an answer is not 0: the options, that answer, and the index.
    fn run(words: &[&CStr]) -> (Vec<(c_int, String)>, c_int, c_int) {
        let opts = [
            spec(c"flag", b'f', 1, false),
            spec(c"value", b'v', 2, true),
            spec(c"verbose", 0, 3, false),
            spec(c"val", 0, 4, true),
            nng_optspec { o_name: std::ptr::null(), o_short: c_int::from(b'x'), o_val: 5, o_arg: false },
            nng_optspec { o_name: std::ptr::null(), o_short: 0, o_val: 0, o_arg: false },
        ];
        let argv: Vec<_> = [c"program"].iter().chain(words).map(|word| word.as_ptr().cast_mut()).collect();
        let (mut index, mut found) = (1, Vec::new());
        loop {
            let (mut val, mut arg) = (0, std::ptr::null_mut());
            let argc = c_int::try_from(argv.len()).unwrap();
            // SAFETY: a command line, a table that ends with a 0, and places to write to.
            let answer = unsafe { nng_opts_parse(argc, argv.as_ptr(), opts.as_ptr(), &mut val, &mut arg, &mut index) };
            if answer != 0 {
                return (found, answer, index);
            }
            let text = if arg.is_null() {
                String::new()
            } else {
                // SAFETY: not null, so a word of the command line.
                unsafe { CStr::from_ptr(arg) }.to_string_lossy().into_owned()
            };
            found.push((val, text));
        }
    }

    fn options(words: &[&CStr]) -> Vec<(c_int, String)> {
        run(words).0
    }

    #[test]
    fn options_are_found() {
        assert_eq!(options(&[c"-f", c"--flag", c"-x"]), [(1, String::new()), (1, String::new()), (5, String::new())]);
        assert_eq!(
            options(&[c"-v", c"a", c"-vb", c"--value=c", c"--value:d", c"--value", c"-e"])
                .into_iter()
                .map(|o| o.1)
                .collect::<Vec<_>>(),
            ["a", "b", "c", "d", "-e"]
        );
    }

    #[test]
    fn the_beginning_of_a_name_is_enough_if_it_is_the_only_one() {
        assert_eq!(
            options(&[c"--fl", c"--verb", c"--val=1"]),
            [(1, String::new()), (3, String::new()), (4, "1".to_owned())]
        );
        assert_eq!(run(&[c"--va=1"]).1, Code::EAMBIGUOUS.get());
        assert_eq!(run(&[c"--v"]).1, Code::EAMBIGUOUS.get());
    }

    #[test]
    fn words_end_the_options() {
        assert_eq!(run(&[c"-f", c"word", c"-f"]), (vec![(1, String::new())], -1, 2));
        assert_eq!(run(&[c"-f", c"-", c"-f"]), (vec![(1, String::new())], -1, 3));
        assert_eq!(run(&[]), (vec![], -1, 1));
    }

    #[test]
    fn mistakes_are_told() {
        for (word, code) in [
            (c"-q", Code::EINVAL),
            (c"--none", Code::EINVAL),
            (c"--flag=1", Code::EINVAL),
            (c"-fx", Code::EINVAL),
            (c"-v", Code::ENOARG),
        ] {
            assert_eq!(run(&[word]), (vec![], code.get(), 1), "{word:?}");
        }
    }
}
