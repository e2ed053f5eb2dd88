//! The jobs of a link: tokens of cargo's job server, which rustc passes on to its linker.

use std::iter;
use std::num::NonZero;
use std::thread;

use jobserver::{Acquired, Client};

/// Jobs that a link has, and others do not get until its end.
pub struct Jobs {
    _tokens: Vec<Acquired>,
    number: usize,
}

impl Jobs {
    /// Takes the tokens that nothing else in the build has. Without a job server, which a wrapper of rustc
    /// may keep back, there is a job for each core.
    pub fn take() -> Jobs {
        // SAFETY: no other code of this process uses the file descriptors that the environment names, and
        // they are checked to be a pipe.
        #[allow(unsafe_code)]
        let found = unsafe { Client::from_env_ext(true) };
        match found.client {
            Ok(client) => Jobs::of(&client),
            Err(_) => Jobs {
                _tokens: Vec::new(),
                number: thread::available_parallelism().map_or(1, NonZero::get),
            },
        }
    }

    fn of(client: &Client) -> Jobs {
        let take = || client.try_acquire().ok().flatten();
        let tokens: Vec<Acquired> = iter::from_fn(take).collect();
        // One more belongs to the process that cargo has started.
        let number = tokens.len() + 1;
        Jobs {
            _tokens: tokens,
            number,
        }
    }

    /// Their number, for lld.
    pub fn number(&self) -> usize {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::process::Command;

    use super::*;

    #[test]
    fn tokens_are_returned() {
        // Tokens can only be tried for in a process that has inherited them.
        if env::var_os("OF_JOBS_TEST").is_some() {
            // SAFETY: the parent has made the pipe.
            #[allow(unsafe_code)]
            let client = unsafe { Client::from_env() }.unwrap();
            let (first, second) = (Jobs::of(&client), Jobs::of(&client));
            assert_eq!((first.number(), second.number()), (4, 1));
            drop(first);
            assert_eq!(Jobs::of(&client).number(), 4);
            return;
        }
        let client = Client::new(3).unwrap();
        let mut test = Command::new(env::current_exe().unwrap());
        client.configure(test.args(["--exact", "jobs::tests::tokens_are_returned"]));
        let ended = test.env("OF_JOBS_TEST", "").output().unwrap();
        assert!(ended.status.success(), "{ended:?}");
        assert_eq!(client.available().unwrap(), 3);
    }
}
