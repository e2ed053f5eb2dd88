//! The server's content-addressable storage and action cache.

use std::io::{Cursor, Read};

use bazel_remote_apis::build::bazel::remote::execution::v2 as reapi;
use bazel_remote_apis::google::bytestream::byte_stream_client::ByteStreamClient;
use bazel_remote_apis::google::bytestream::{ReadRequest, WriteRequest};
use reapi::action_cache_client::ActionCacheClient;
use reapi::capabilities_client::CapabilitiesClient;
use reapi::content_addressable_storage_client::ContentAddressableStorageClient;
use reapi::{batch_update_blobs_request, compressor, digest_function};
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit, mpsc};
use tokio::task;
use tokio::time::Duration;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use super::call::{Failure, Limits, repeat};
use super::connection::{Authorized, Token};
use super::uploads::Uploads;
use crate::action::OUTPUT;
use crate::blob::{self, Blob, Content};

/// The largest message that servers accept, without what surrounds the blobs.
const MOST_BATCH_BYTES: i64 = (4 << 20) - (64 << 10);
/// What a blob needs in a message besides its bytes.
const BLOB_OVERHEAD: i64 = 128;
/// The largest answer: a batch, and as much in objects that are inlined.
const MOST_MESSAGE_BYTES: usize = 16 << 20;
const CHUNK_BYTES: usize = 256 << 10;
/// Digests in a request; each has 70 bytes.
const MOST_DIGESTS: usize = 10_000;
/// Bytes of blobs in memory, in KiB: batches, and objects.
const MEMORY: usize = 128 << 10;
/// No object is larger.
const MOST_OBJECT_BYTES: i64 = 2 << 30;
/// The deadline of a stream is longer by a second for as many bytes.
const SLOWEST_BYTES: i64 = 256 << 10;
/// Smaller blobs do not become smaller.
const LEAST_COMPRESSED_BYTES: i64 = 1 << 10;
const ZSTD_LEVEL: i32 = 3;

/// A server's storage.
pub struct Store {
    cas: ContentAddressableStorageClient<Authorized>,
    streams: ByteStreamClient<Authorized>,
    actions: ActionCacheClient<Authorized>,
    capabilities: CapabilitiesClient<Authorized>,
    offered: OnceCell<Offered>,
    instance: String,
    token: Token,
    limits: Limits,
    compress: bool,
    uploads: Uploads,
    memory: Semaphore,
}

/// What the server offers.
struct Offered {
    most_batch_bytes: i64,
    zstd_streams: bool,
    zstd_batches: bool,
}

impl Store {
    /// The storage behind a connection.
    pub fn new(
        connection: &Authorized,
        instance: &str,
        token: &Token,
        limits: Limits,
        compress: bool,
    ) -> Store {
        let cas = ContentAddressableStorageClient::new(connection.clone());
        let streams = ByteStreamClient::new(connection.clone());
        let actions = ActionCacheClient::new(connection.clone());
        Store {
            cas: cas.max_decoding_message_size(MOST_MESSAGE_BYTES),
            streams: streams.max_decoding_message_size(MOST_MESSAGE_BYTES),
            actions: actions.max_decoding_message_size(MOST_MESSAGE_BYTES),
            capabilities: CapabilitiesClient::new(connection.clone()),
            offered: OnceCell::new(),
            instance: instance.to_owned(),
            token: token.clone(),
            limits,
            compress,
            uploads: Uploads::default(),
            memory: Semaphore::new(MEMORY),
        }
    }

    /// The result of an action in the cache, without the object.
    pub async fn result(&self, action: &reapi::Digest) -> Result<reapi::ActionResult, Failure> {
        let request = reapi::GetActionResultRequest {
            instance_name: self.instance.clone(),
            action_digest: Some(action.clone()),
            inline_stderr: true,
            inline_output_files: vec![OUTPUT.to_owned()],
            digest_function: digest_function::Value::Sha256.into(),
            ..reapi::GetActionResultRequest::default()
        };
        let call = || {
            let (mut actions, request) = (self.actions.clone(), request.clone());
            async move { Ok(actions.get_action_result(request).await?.into_inner()) }
        };
        self.repeat(0, call).await
    }

    /// Puts the result of an action, the blobs of which the server has, into the cache.
    pub async fn put_result(
        &self,
        action: &reapi::Digest,
        result: reapi::ActionResult,
    ) -> Result<(), Failure> {
        let request = reapi::UpdateActionResultRequest {
            instance_name: self.instance.clone(),
            action_digest: Some(action.clone()),
            action_result: Some(result),
            digest_function: digest_function::Value::Sha256.into(),
            ..reapi::UpdateActionResultRequest::default()
        };
        let call = || {
            let (mut actions, request) = (self.actions.clone(), request.clone());
            async move { actions.update_action_result(request).await }
        };
        self.repeat(0, call).await?;
        Ok(())
    }

    /// The bytes of a blob, which have its digest.
    pub async fn read(&self, digest: &reapi::Digest) -> Result<Vec<u8>, Failure> {
        if !(0..=MOST_OBJECT_BYTES).contains(&digest.size_bytes) {
            let message = format!("a blob has {} bytes", digest.size_bytes);
            return Err(Failure::Corrupt(message));
        }
        let offered = self.offered().await?;
        let _memory = self.reserve(digest.size_bytes).await;
        let bytes = if digest.size_bytes <= offered.most_batch_bytes {
            self.read_batch(digest, offered).await?
        } else {
            self.read_stream(digest, offered).await?
        };
        checked(digest, bytes)
    }

    async fn read_batch(
        &self,
        digest: &reapi::Digest,
        offered: &Offered,
    ) -> Result<Vec<u8>, Failure> {
        let mut request = reapi::BatchReadBlobsRequest {
            instance_name: self.instance.clone(),
            digests: vec![digest.clone()],
            digest_function: digest_function::Value::Sha256.into(),
            ..reapi::BatchReadBlobsRequest::default()
        };
        if offered.zstd_streams {
            request.acceptable_compressors = vec![compressor::Value::Zstd.into()];
        }
        let call = || {
            let (mut cas, request) = (self.cas.clone(), request.clone());
            async move {
                let mut answer = cas.batch_read_blobs(request).await?.into_inner();
                let blob = answer.responses.pop();
                let blob = blob.ok_or_else(|| Status::internal("the answer has no blob"))?;
                status(blob.status.unwrap_or_default())?;
                Ok((blob.data, blob.compressor))
            }
        };
        let (data, compressor) = self.repeat(0, call).await?;
        if compressor == i32::from(compressor::Value::Zstd) {
            return decompress(digest, &data);
        }
        Ok(data)
    }

    async fn read_stream(
        &self,
        digest: &reapi::Digest,
        offered: &Offered,
    ) -> Result<Vec<u8>, Failure> {
        let zstd = offered.zstd_streams;
        let request = ReadRequest {
            resource_name: self.resource("", digest, zstd),
            ..ReadRequest::default()
        };
        let most = digest.size_bytes as usize + CHUNK_BYTES;
        let call = || {
            let (mut streams, request) = (self.streams.clone(), request.clone());
            async move {
                let mut stream = streams.read(request).await?.into_inner();
                let mut bytes = Vec::new();
                while let Some(chunk) = stream.message().await? {
                    bytes.extend(chunk.data);
                    if bytes.len() > most {
                        return Err(Status::data_loss("a blob is larger than its digest says"));
                    }
                }
                Ok(bytes)
            }
        };
        let bytes = self.repeat(digest.size_bytes, call).await?;
        if zstd {
            decompress(digest, &bytes)
        } else {
            Ok(bytes)
        }
    }

    /// Sends those of `blobs` that the server does not have.
    pub async fn send(&self, blobs: &[&Blob]) -> Result<(), Failure> {
        let digests: Vec<&reapi::Digest> = blobs.iter().map(|blob| &blob.digest).collect();
        while let Some((claimed, claim)) = self.uploads.claim(&digests).await {
            let claimed: Vec<&Blob> = claimed.into_iter().map(|index| blobs[index]).collect();
            self.send_missing(&claimed).await?;
            claim.done();
        }
        Ok(())
    }

    /// Forgets that the server has these blobs.
    pub fn forget(&self, blobs: &[&Blob]) {
        self.uploads.forget(blobs.iter().map(|blob| &blob.digest));
    }

    async fn send_missing(&self, blobs: &[&Blob]) -> Result<(), Failure> {
        let offered = self.offered().await?;
        let mut missing = std::collections::HashSet::new();
        for blobs in blobs.chunks(MOST_DIGESTS) {
            let request = reapi::FindMissingBlobsRequest {
                instance_name: self.instance.clone(),
                blob_digests: blobs.iter().map(|blob| blob.digest.clone()).collect(),
                digest_function: digest_function::Value::Sha256.into(),
            };
            let call = || {
                let (mut cas, request) = (self.cas.clone(), request.clone());
                async move { cas.find_missing_blobs(request).await }
            };
            let answer = self.repeat(0, call).await?.into_inner();
            missing.extend(
                answer
                    .missing_blob_digests
                    .into_iter()
                    .map(|digest| digest.hash),
            );
        }
        let mut batch = Vec::new();
        let mut batch_bytes = 0;
        for &blob in blobs {
            if !missing.contains(&blob.digest.hash) {
                continue;
            }
            let bytes = blob.digest.size_bytes + BLOB_OVERHEAD;
            if bytes > offered.most_batch_bytes {
                self.send_stream(blob, offered).await?;
                continue;
            }
            if batch_bytes + bytes > offered.most_batch_bytes {
                self.send_batch(&std::mem::take(&mut batch), batch_bytes, offered)
                    .await?;
                batch_bytes = 0;
            }
            batch.push(blob);
            batch_bytes += bytes;
        }
        if !batch.is_empty() {
            self.send_batch(&batch, batch_bytes, offered).await?;
        }
        Ok(())
    }

    async fn send_batch(
        &self,
        blobs: &[&Blob],
        bytes: i64,
        offered: &Offered,
    ) -> Result<(), Failure> {
        let _memory = self.reserve(bytes).await;
        let requests = blobs.iter().map(|blob| {
            let mut request = batch_update_blobs_request::Request {
                digest: Some(blob.digest.clone()),
                data: blob.read().map_err(unreadable)?,
                compressor: compressor::Value::Identity.into(),
            };
            if offered.zstd_batches && blob.digest.size_bytes >= LEAST_COMPRESSED_BYTES {
                let compressed = zstd::bulk::compress(&request.data, ZSTD_LEVEL);
                request.data = compressed.expect("there is memory");
                request.compressor = compressor::Value::Zstd.into();
            }
            Ok(request)
        });
        let request = reapi::BatchUpdateBlobsRequest {
            instance_name: self.instance.clone(),
            requests: requests.collect::<Result<_, Failure>>()?,
            digest_function: digest_function::Value::Sha256.into(),
        };
        let call = || {
            let (mut cas, request) = (self.cas.clone(), request.clone());
            async move {
                let answer = cas.batch_update_blobs(request).await?.into_inner();
                for blob in answer.responses {
                    status(blob.status.unwrap_or_default())?;
                }
                Ok(())
            }
        };
        self.repeat(bytes, call).await
    }

    async fn send_stream(&self, blob: &Blob, offered: &Offered) -> Result<(), Failure> {
        let zstd = offered.zstd_streams;
        let call = || {
            // Each try is an upload of its own.
            let prefix = format!("uploads/{}/", uuid::Uuid::new_v4());
            let name = self.resource(&prefix, &blob.digest, zstd);
            let chunks = chunks(blob, name, zstd);
            let mut streams = self.streams.clone();
            async move {
                let chunks = ReceiverStream::new(chunks?);
                let answer = streams.write(chunks).await?.into_inner();
                // The server may have had it already.
                if !zstd && answer.committed_size != blob.digest.size_bytes {
                    return Err(Status::aborted("the server has a part of a blob"));
                }
                Ok(())
            }
        };
        let sent = self.repeat(blob.digest.size_bytes, call).await;
        blob.content.unchanged().map_err(unreadable)?;
        sent
    }

    /// The name of a blob as a stream.
    fn resource(&self, prefix: &str, digest: &reapi::Digest, zstd: bool) -> String {
        let kind = if zstd {
            "compressed-blobs/zstd"
        } else {
            "blobs"
        };
        let blob = format!("{prefix}{kind}/{}/{}", digest.hash, digest.size_bytes);
        match &*self.instance {
            "" => blob,
            instance => format!("{instance}/{blob}"),
        }
    }

    async fn offered(&self) -> Result<&Offered, Failure> {
        self.offered.get_or_try_init(|| self.ask()).await
    }

    async fn ask(&self) -> Result<Offered, Failure> {
        let request = reapi::GetCapabilitiesRequest {
            instance_name: self.instance.clone(),
        };
        let call = || {
            let (mut capabilities, request) = (self.capabilities.clone(), request.clone());
            async move {
                match capabilities.get_capabilities(request).await {
                    // A plain cache may not have this service.
                    Err(status) if status.code() == Code::Unimplemented => Ok(None),
                    answer => Ok(answer?.into_inner().cache_capabilities),
                }
            }
        };
        let cache = self.repeat(0, call).await?.unwrap_or_default();
        let sha256 = digest_function::Value::Sha256.into();
        if !cache.digest_functions.is_empty() && !cache.digest_functions.contains(&sha256) {
            let message = "the server does not address blobs by SHA-256".to_owned();
            return Err(Failure::Refused(message));
        }
        let zstd = compressor::Value::Zstd.into();
        let most = match cache.max_batch_total_size_bytes {
            0 => MOST_BATCH_BYTES,
            most => most.min(MOST_BATCH_BYTES),
        };
        Ok(Offered {
            most_batch_bytes: most,
            zstd_streams: self.compress && cache.supported_compressors.contains(&zstd),
            zstd_batches: self.compress && cache.supported_batch_update_compressors.contains(&zstd),
        })
    }

    async fn reserve(&self, bytes: i64) -> SemaphorePermit<'_> {
        let kilobytes = (bytes as usize / 1024 + 1).min(MEMORY);
        let permit = self.memory.acquire_many(kilobytes as u32).await;
        permit.expect("it is never closed")
    }

    /// Makes a call that moves `bytes`.
    async fn repeat<T, F: Future<Output = Result<T, Status>>>(
        &self,
        bytes: i64,
        call: impl FnMut() -> F,
    ) -> Result<T, Failure> {
        let mut limits = self.limits;
        limits.call += Duration::from_secs((bytes / SLOWEST_BYTES) as u64);
        repeat(limits, &self.token, call).await
    }
}

/// `bytes` if they have the digest.
pub fn checked(digest: &reapi::Digest, bytes: Vec<u8>) -> Result<Vec<u8>, Failure> {
    if blob::digest(&bytes) != *digest {
        let message = format!(
            "the blob {} has other bytes than its digest says",
            digest.hash
        );
        return Err(Failure::Corrupt(message));
    }
    Ok(bytes)
}

fn decompress(digest: &reapi::Digest, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    zstd::bulk::decompress(bytes, digest.size_bytes as usize)
        .map_err(|error| Failure::Corrupt(format!("the blob {}: {error}", digest.hash)))
}

fn status(status: bazel_remote_apis::google::rpc::Status) -> Result<(), Status> {
    match Code::from(status.code) {
        Code::Ok => Ok(()),
        code => Err(Status::new(code, status.message)),
    }
}

fn unreadable(error: anyhow::Error) -> Failure {
    Failure::Refused(format!("{error:#}"))
}

/// Reads a blob in pieces on a thread of its own, which ends when nobody receives them.
fn chunks(blob: &Blob, name: String, zstd: bool) -> Result<mpsc::Receiver<WriteRequest>, Status> {
    let unreadable = |error: std::io::Error| Status::failed_precondition(error.to_string());
    let mut reader: Box<dyn Read + Send> = match &blob.content {
        Content::File { path, .. } => Box::new(std::fs::File::open(path).map_err(unreadable)?),
        _ => {
            let bytes = blob.read();
            let bytes = bytes.map_err(|error| Status::failed_precondition(format!("{error:#}")))?;
            Box::new(Cursor::new(bytes))
        }
    };
    if zstd {
        let encoder = zstd::stream::read::Encoder::new(reader, ZSTD_LEVEL).map_err(unreadable)?;
        reader = Box::new(encoder);
    }
    let (sender, receiver) = mpsc::channel(2);
    task::spawn_blocking(move || {
        let mut offset = 0;
        loop {
            let mut data = Vec::new();
            let read = (&mut reader)
                .take(CHUNK_BYTES as u64)
                .read_to_end(&mut data);
            // Without its end, the server does not accept the blob.
            let Ok(count) = read else { return };
            let last = count < CHUNK_BYTES;
            let request = WriteRequest {
                resource_name: if offset == 0 {
                    name.clone()
                } else {
                    String::new()
                },
                write_offset: offset,
                finish_write: last,
                data,
            };
            offset += count as i64;
            if sender.blocking_send(request).is_err() || last {
                return;
            }
        }
    });
    Ok(receiver)
}
