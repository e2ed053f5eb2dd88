//! What the server has, so that no blob is asked for or sent twice.

use std::collections::HashMap;
use std::sync::Mutex;

use bazel_remote_apis::build::bazel::remote::execution::v2::Digest;
use tokio::sync::Notify;

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// A job is sending it.
    Sending,
    Present,
}

/// The blobs that the server has or gets, by their hashes.
#[derive(Default)]
pub struct Uploads {
    states: Mutex<HashMap<String, State>>,
    changed: Notify,
}

/// Blobs that one job has to send. If it fails to, another one may.
pub struct Claim<'a> {
    uploads: &'a Uploads,
    hashes: Vec<String>,
    done: bool,
}

impl Uploads {
    /// Claims those of `digests` that nobody has sent. Waits while all others are being sent.
    ///
    /// Returns the indices of the claimed ones, or `None` if the server has all.
    pub async fn claim(&self, digests: &[&Digest]) -> Option<(Vec<usize>, Claim<'_>)> {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let mut claimed = Vec::new();
            let mut waiting = false;
            {
                let mut states = self.states.lock().expect("its holders do not panic");
                for (index, digest) in digests.iter().enumerate() {
                    match states.get(&digest.hash) {
                        Some(State::Present) => {}
                        // One of this claim's own, if a digest is there twice.
                        Some(State::Sending) => waiting = true,
                        None => {
                            states.insert(digest.hash.clone(), State::Sending);
                            claimed.push(index);
                        }
                    }
                }
            }
            if !claimed.is_empty() {
                let hashes = claimed.iter().map(|&index| digests[index].hash.clone());
                let claim = Claim {
                    uploads: self,
                    hashes: hashes.collect(),
                    done: false,
                };
                return Some((claimed, claim));
            }
            if !waiting {
                return None;
            }
            changed.await;
        }
    }

    /// Forgets that the server has these blobs.
    pub fn forget<'a>(&self, digests: impl Iterator<Item = &'a Digest>) {
        let mut states = self.states.lock().expect("its holders do not panic");
        for digest in digests {
            if states.get(&digest.hash) == Some(&State::Present) {
                states.remove(&digest.hash);
            }
        }
    }
}

impl Claim<'_> {
    /// The server has the blobs.
    pub fn done(mut self) {
        self.done = true;
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut states = self
            .uploads
            .states
            .lock()
            .expect("its holders do not panic");
        for hash in self.hashes.drain(..) {
            if self.done {
                states.insert(hash, State::Present);
            } else {
                states.remove(&hash);
            }
        }
        drop(states);
        self.uploads.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::digest;

    #[tokio::test]
    async fn each_blob_is_claimed_once() {
        let uploads = Uploads::default();
        let [a, b, c] = [b"a", b"b", b"c"].map(|text| digest(text));
        let (claimed, first) = uploads.claim(&[&a, &b, &a]).await.unwrap();
        assert_eq!(claimed, [0, 1]);
        let (claimed, second) = uploads.claim(&[&b, &c]).await.unwrap();
        assert_eq!(claimed, [1]);
        second.done();
        // What is being sent is waited for; what could not be sent is claimed again.
        let both = [&b, &c];
        let waiting = uploads.claim(&both);
        let fail = async { drop(first) };
        let (claim, ()) = tokio::join!(waiting, fail);
        let (claimed, third) = claim.unwrap();
        assert_eq!(claimed, [0]);
        third.done();
        assert!(uploads.claim(&[&b, &c]).await.is_none());
        uploads.forget([&c].into_iter());
        let (claimed, _) = uploads.claim(&[&b, &c]).await.unwrap();
        assert_eq!(claimed, [1]);
    }
}
