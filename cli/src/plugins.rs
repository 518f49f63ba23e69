//! Transports from shared objects.

use std::path::PathBuf;

use clap::Args;

use crate::exit::{Doing, Exit};

/// The transports to load before anything else happens.
#[derive(Args, Clone, Debug)]
pub(crate) struct Plugins {
    /// Load a transport from this shared object; its code runs as a part of this command
    #[arg(long = "plugin", value_name = "FILE", global = true, help_heading = "Transports")]
    files: Vec<PathBuf>,
}

impl Plugins {
    /// Loads them, in their order.
    pub(crate) fn load(&self) -> Result<(), Exit> {
        for file in &self.files {
            // A bare name would be searched where the system has its libraries, which is not what a file on a command line is.
            let path = std::path::absolute(file).unwrap_or_else(|_| file.clone());
            spanwire_plugins::load(path).doing(|| format!("can't load the plugin {}", file.display()))?;
        }
        Ok(())
    }
}
