//! A pipe by its number.

use super::handle::Socket;
use super::pipe::Pipe;
use crate::PipeId;

impl Socket {
    /// The open pipe with this id.
    pub fn pipe(&self, id: PipeId) -> Option<Pipe> {
        self.inner().lock().core.pipes.get(id).map(|slot| Pipe(slot.pipe.clone()))
    }
}
