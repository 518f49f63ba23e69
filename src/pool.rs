//! Contexts that a socket opens by itself: one for each request and survey that is under way.

use std::fmt;
use std::sync::{Arc, MutexGuard, PoisonError};

use spanwire_core::ContextId;
use spanwire_core::driver::{self, Handle};
use spanwire_core::option::{self, Scope};

use crate::Result;
use crate::base::SocketBase;
use crate::context::ContextBase;

/// Contexts that are not in use.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    idle: Vec<ContextId>,
    /// Contexts copy options when they open: those of an earlier age are not used again.
    age: u64,
}

impl SocketBase {
    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An option was set: contexts that copied an earlier value are not used again.
    pub(crate) fn renew_pool(&self, name: &str) {
        if !self.core.info().contexts || !option::spec(name).is_ok_and(|spec| spec.scope.has(Scope::CONTEXT)) {
            return;
        }
        let mut pool = self.pool();
        pool.age += 1;
        let idle = std::mem::take(&mut pool.idle);
        drop(pool);
        for ctx in idle {
            let _ = self.core.close_context(ctx);
        }
    }
}

/// The context that an exchange runs in. Keeps the socket open.
pub(crate) struct Lane(Owner);

enum Owner {
    /// Goes back to the pool, or is closed.
    Pool { base: Arc<SocketBase>, ctx: ContextId, age: u64, reusable: bool },
    /// Belongs to the application.
    User(Arc<ContextBase>),
}

impl Lane {
    /// A context of the pool, or a new one.
    pub(crate) fn lease(base: &Arc<SocketBase>) -> Result<Self> {
        let mut pool = base.pool();
        let (idle, age) = (pool.idle.pop(), pool.age);
        drop(pool);
        let ctx = match idle {
            Some(ctx) => ctx,
            None => base.core.open_context()?,
        };
        Ok(Self(Owner::Pool { base: base.clone(), ctx, age, reusable: true }))
    }

    /// The application's own.
    pub(crate) fn of(context: &Arc<ContextBase>) -> Self {
        Self(Owner::User(context.clone()))
    }

    pub(crate) fn ctx(&self) -> ContextId {
        match &self.0 {
            Owner::Pool { ctx, .. } => *ctx,
            Owner::User(context) => context.id(),
        }
    }

    pub(crate) fn core(&self) -> &driver::Socket {
        match &self.0 {
            Owner::Pool { base, .. } => &base.core,
            Owner::User(context) => context.core(),
        }
    }

    /// Whether the context comes back clean: if not, it is closed and not used again.
    pub(crate) fn set_reusable(&mut self, clean: bool) {
        if let Owner::Pool { reusable, .. } = &mut self.0 {
            *reusable = clean;
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let Owner::Pool { base, ctx, age, reusable } = &self.0 else { return };
        if *reusable {
            let mut pool = base.pool();
            if pool.age == *age && pool.idle.len() < IDLE_MAX {
                pool.idle.push(*ctx);
                return;
            }
        }
        let _ = base.core.close_context(*ctx);
    }
}

impl Handle for Lane {
    fn socket(&self) -> &driver::Socket {
        self.core()
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lane({:?} of {:?})", self.ctx(), self.core())
    }
}

/// Contexts that are kept for the next exchange: more than this at once are rare, and opening one is cheap.
const IDLE_MAX: usize = 64;
