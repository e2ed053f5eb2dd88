//! A server with everything in memory, which does wrong what a test says.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bazel_remote_apis::build::bazel::remote::execution::v2 as reapi;
use bazel_remote_apis::google::bytestream::byte_stream_server::{ByteStream, ByteStreamServer};
use bazel_remote_apis::google::bytestream::{
    QueryWriteStatusRequest, QueryWriteStatusResponse, ReadRequest, ReadResponse, WriteRequest,
    WriteResponse,
};
use bazel_remote_apis::google::longrunning::{Operation, operation};
use bazel_remote_apis::google::{protobuf, rpc};
use prost::Message;
use reapi::action_cache_server::{ActionCache, ActionCacheServer};
use reapi::capabilities_server::{Capabilities, CapabilitiesServer};
use reapi::content_addressable_storage_server::{
    ContentAddressableStorage, ContentAddressableStorageServer,
};
use reapi::execution_server::{Execution, ExecutionServer};
use reapi::{batch_read_blobs_response, batch_update_blobs_response, compressor, digest_function};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_stream::{Stream, StreamExt};
use tonic::transport::ServerTlsConfig;
use tonic::{Code, Request, Response, Status, Streaming};

/// What a call does instead of its work.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// It fails.
    Code(Code),
    /// It never answers.
    Hang,
    /// It gives other bytes.
    Corrupt,
    /// The stream ends early.
    Break,
}

/// What a server has and does.
#[derive(Default)]
pub struct State {
    /// Blobs by their hashes.
    pub blobs: HashMap<String, Vec<u8>>,
    /// Results by the hashes of actions.
    pub results: HashMap<String, reapi::ActionResult>,
    /// The numbers of calls.
    pub calls: BTreeMap<&'static str, usize>,
    /// The next calls of these methods do something else.
    pub faults: HashMap<&'static str, Vec<Fault>>,
    /// All calls of these methods do something else.
    pub always: HashMap<&'static str, Fault>,
    /// The token that calls need.
    pub token: Option<&'static str>,
    /// The exit code of actions.
    pub exit_code: i32,
    /// Objects are in results, not only in blobs.
    pub inline: bool,
    /// zstd is supported.
    pub zstd: bool,
    /// The size of a batch.
    pub most_batch_bytes: i64,
    /// The bytes of blobs as they were sent.
    pub sent_bytes: usize,
}

impl State {
    /// The number of calls of a method.
    pub fn count(&self, method: &str) -> usize {
        self.calls.get(method).copied().unwrap_or_default()
    }

    fn put(&mut self, digest: &reapi::Digest, data: Vec<u8>) -> Result<(), Status> {
        if self::digest(&data) != *digest {
            return Err(Status::invalid_argument("another digest"));
        }
        self.blobs.insert(digest.hash.clone(), data);
        Ok(())
    }

    fn message<M: Message + Default>(&self, digest: &Option<reapi::Digest>) -> Result<M, Status> {
        let digest = digest.clone().unwrap_or_default();
        let bytes = self.blobs.get(&digest.hash);
        let bytes = bytes.ok_or_else(|| Status::failed_precondition("a blob is missing"))?;
        M::decode(&**bytes).map_err(|error| Status::internal(error.to_string()))
    }

    /// Checks that a folder and everything below it is there, and in order.
    fn check(&self, directory: &Option<reapi::Digest>) -> Result<(), Status> {
        let directory: reapi::Directory = self.message(directory)?;
        let mut names = Vec::new();
        for file in &directory.files {
            let digest = file.digest.clone().unwrap_or_default();
            if !self.blobs.contains_key(&digest.hash) {
                return Err(Status::failed_precondition(format!(
                    "{} is missing",
                    file.name
                )));
            }
            names.push(&file.name);
        }
        assert!(names.is_sorted(), "files are sorted: {names:?}");
        assert!(directory.directories.is_sorted_by_key(|node| &node.name));
        directory
            .directories
            .iter()
            .try_for_each(|node| self.check(&node.digest))
    }

    /// Runs an action: the object has the command and the names of the inputs.
    fn execute(&mut self, digest: &reapi::Digest) -> Result<reapi::ActionResult, Status> {
        let action: reapi::Action = self.message(&Some(digest.clone()))?;
        let command: reapi::Command = self.message(&action.command_digest)?;
        self.check(&action.input_root_digest)?;
        let [output] = &command.output_paths[..] else {
            panic!("{command:?} has not one output")
        };
        let object = object(&command.arguments);
        let digest_of_object = self::digest(&object);
        let result = reapi::ActionResult {
            exit_code: self.exit_code,
            stderr_raw: match self.exit_code {
                0 => Vec::new(),
                _ => b"no memory".to_vec(),
            },
            output_files: vec![reapi::OutputFile {
                path: output.clone(),
                digest: Some(digest_of_object.clone()),
                contents: match self.inline {
                    true => object.clone(),
                    false => Vec::new(),
                },
                ..Default::default()
            }],
            ..Default::default()
        };
        self.blobs.insert(digest_of_object.hash, object);
        if self.exit_code == 0 {
            self.results.insert(digest.hash.clone(), result.clone());
        }
        Ok(result)
    }
}

/// The digest of `bytes`.
fn digest(bytes: &[u8]) -> reapi::Digest {
    let hash = Sha256::digest(bytes);
    reapi::Digest {
        hash: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        size_bytes: bytes.len() as i64,
    }
}

/// What the worker's compiler writes.
pub fn object(arguments: &[String]) -> Vec<u8> {
    let line = arguments.join(" ");
    line.repeat(100).into_bytes()
}

/// A running server.
pub struct Server {
    /// Its address.
    pub address: SocketAddr,
    /// What it has and does.
    pub state: Arc<Mutex<State>>,
    /// Its own threads, so that its connections end with it.
    runtime: Option<Runtime>,
}

impl Server {
    /// Starts a server on a free port.
    pub fn start(state: State, tls: Option<ServerTlsConfig>) -> Server {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        Server::on(any, Arc::new(Mutex::new(state)), tls)
    }

    /// Starts a server where one was killed.
    pub fn restart(address: SocketAddr, state: Arc<Mutex<State>>) -> Server {
        Server::on(address, state, None)
    }

    fn on(address: SocketAddr, state: Arc<Mutex<State>>, tls: Option<ServerTlsConfig>) -> Server {
        let listener = std::net::TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let mut builder = tonic::transport::Server::builder();
        if let Some(tls) = tls {
            builder = builder.tls_config(tls).unwrap();
        }
        let service = Service(state.clone());
        let routes = builder
            .add_service(ContentAddressableStorageServer::new(service.clone()))
            .add_service(ActionCacheServer::new(service.clone()))
            .add_service(CapabilitiesServer::new(service.clone()))
            .add_service(ExecutionServer::new(service.clone()))
            .add_service(ByteStreamServer::new(service));
        let runtime = Runtime::new().unwrap();
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            let incoming = TcpListenerStream::new(listener);
            routes.serve_with_incoming(incoming).await.unwrap();
        });
        Server {
            address,
            state,
            runtime: Some(runtime),
        }
    }

    /// Kills the server.
    pub fn kill(mut self) -> (SocketAddr, Arc<Mutex<State>>) {
        let runtime = self.runtime.take().unwrap();
        let end = move || runtime.shutdown_timeout(Duration::from_secs(10));
        std::thread::spawn(end).join().unwrap();
        (self.address, self.state.clone())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[derive(Clone)]
struct Service(Arc<Mutex<State>>);

impl Service {
    /// Counts a call, and does what the test says.
    async fn begin<T>(
        &self,
        method: &'static str,
        request: &Request<T>,
    ) -> Result<Option<Fault>, Status> {
        let fault = {
            let mut state = self.0.lock().unwrap();
            *state.calls.entry(method).or_default() += 1;
            let header = request.metadata().get("authorization");
            let header = header.map(|header| header.to_str().unwrap().to_owned());
            if let Some(token) = state.token
                && header != Some(format!("Bearer {token}"))
            {
                return Err(Status::unauthenticated("a wrong token"));
            }
            let next = state.faults.get_mut(method).and_then(Vec::pop);
            next.or_else(|| state.always.get(method).copied())
        };
        match fault {
            Some(Fault::Code(code)) => Err(Status::new(code, "as the test says")),
            Some(Fault::Hang) => std::future::pending().await,
            fault => Ok(fault),
        }
    }
}

type Reading<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

fn stream<T: Send + 'static>(items: Vec<T>) -> Response<Reading<T>> {
    Response::new(Box::pin(tokio_stream::iter(items.into_iter().map(Ok))))
}

/// The digest and the compression in the name of a stream.
fn parse(name: &str) -> (reapi::Digest, bool) {
    let parts: Vec<&str> = name.split('/').collect();
    let count = parts.len();
    let digest = reapi::Digest {
        hash: parts[count - 2].to_owned(),
        size_bytes: parts[count - 1].parse().unwrap(),
    };
    (digest, parts.contains(&"compressed-blobs"))
}

#[tonic::async_trait]
impl ContentAddressableStorage for Service {
    async fn find_missing_blobs(
        &self,
        request: Request<reapi::FindMissingBlobsRequest>,
    ) -> Result<Response<reapi::FindMissingBlobsResponse>, Status> {
        self.begin("find", &request).await?;
        let state = self.0.lock().unwrap();
        let mut missing = request.into_inner().blob_digests;
        missing.retain(|digest| !state.blobs.contains_key(&digest.hash));
        Ok(Response::new(reapi::FindMissingBlobsResponse {
            missing_blob_digests: missing,
        }))
    }

    async fn batch_update_blobs(
        &self,
        request: Request<reapi::BatchUpdateBlobsRequest>,
    ) -> Result<Response<reapi::BatchUpdateBlobsResponse>, Status> {
        self.begin("update", &request).await?;
        let mut state = self.0.lock().unwrap();
        let mut responses = Vec::new();
        let mut bytes = 0;
        for blob in request.into_inner().requests {
            let digest = blob.digest.unwrap();
            bytes += blob.data.len();
            let data = match blob.compressor == i32::from(compressor::Value::Zstd) {
                true => zstd::bulk::decompress(&blob.data, digest.size_bytes as usize).unwrap(),
                false => blob.data,
            };
            let status = state.put(&digest, data).err();
            responses.push(batch_update_blobs_response::Response {
                digest: Some(digest),
                status: status.map(|status| rpc::Status {
                    code: status.code().into(),
                    ..Default::default()
                }),
            });
        }
        assert!(state.most_batch_bytes == 0 || bytes as i64 <= state.most_batch_bytes);
        state.sent_bytes += bytes;
        Ok(Response::new(reapi::BatchUpdateBlobsResponse { responses }))
    }

    async fn batch_read_blobs(
        &self,
        request: Request<reapi::BatchReadBlobsRequest>,
    ) -> Result<Response<reapi::BatchReadBlobsResponse>, Status> {
        let fault = self.begin("read", &request).await?;
        let state = self.0.lock().unwrap();
        let request = request.into_inner();
        let zstd = state.zstd && !request.acceptable_compressors.is_empty();
        let responses = request.digests.into_iter().map(|digest| {
            let mut response = batch_read_blobs_response::Response::default();
            match state.blobs.get(&digest.hash).cloned() {
                Some(mut data) => {
                    if fault.is_some() {
                        data[0] ^= 1;
                    }
                    if zstd {
                        data = zstd::bulk::compress(&data, 1).unwrap();
                        response.compressor = compressor::Value::Zstd.into();
                    }
                    response.data = data;
                }
                None => {
                    response.status = Some(rpc::Status {
                        code: Code::NotFound.into(),
                        ..Default::default()
                    });
                }
            }
            response.digest = Some(digest);
            response
        });
        let responses = responses.collect();
        Ok(Response::new(reapi::BatchReadBlobsResponse { responses }))
    }

    type GetTreeStream = Reading<reapi::GetTreeResponse>;

    async fn get_tree(
        &self,
        _: Request<reapi::GetTreeRequest>,
    ) -> Result<Response<Self::GetTreeStream>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn split_blob(
        &self,
        _: Request<reapi::SplitBlobRequest>,
    ) -> Result<Response<reapi::SplitBlobResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    type GetChunkMappingStream = Reading<reapi::GetChunkMappingResponse>;

    async fn get_chunk_mapping(
        &self,
        _: Request<reapi::GetChunkMappingRequest>,
    ) -> Result<Response<Self::GetChunkMappingStream>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn register_chunk_mapping(
        &self,
        _: Request<Streaming<reapi::RegisterChunkMappingRequest>>,
    ) -> Result<Response<reapi::RegisterChunkMappingResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn splice_blob(
        &self,
        _: Request<reapi::SpliceBlobRequest>,
    ) -> Result<Response<reapi::SpliceBlobResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

#[tonic::async_trait]
impl ByteStream for Service {
    type ReadStream = Reading<ReadResponse>;

    async fn read(
        &self,
        request: Request<ReadRequest>,
    ) -> Result<Response<Self::ReadStream>, Status> {
        let fault = self.begin("read stream", &request).await?;
        let state = self.0.lock().unwrap();
        let (digest, zstd) = parse(&request.into_inner().resource_name);
        let blob = state.blobs.get(&digest.hash).cloned();
        let mut data = blob.ok_or_else(|| Status::not_found("no blob"))?;
        match fault {
            Some(Fault::Corrupt) => data[0] ^= 1,
            Some(_) => data.truncate(data.len() / 2),
            None => {}
        }
        if zstd {
            data = zstd::bulk::compress(&data, 1).unwrap();
        }
        let chunks = data.chunks(1000).map(|chunk| ReadResponse {
            data: chunk.to_owned(),
        });
        Ok(stream(chunks.collect()))
    }

    async fn write(
        &self,
        request: Request<Streaming<WriteRequest>>,
    ) -> Result<Response<WriteResponse>, Status> {
        let fault = self.begin("write stream", &request).await?;
        let mut chunks = request.into_inner();
        let (mut name, mut data, mut finished) = (String::new(), Vec::new(), false);
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk?;
            assert_eq!(chunk.write_offset as usize, data.len());
            if name.is_empty() {
                name = chunk.resource_name;
            }
            data.extend(chunk.data);
            finished = chunk.finish_write;
            if matches!(fault, Some(Fault::Break)) {
                return Err(Status::unavailable("broken"));
            }
        }
        if !finished {
            return Err(Status::invalid_argument("there is no end"));
        }
        let (digest, zstd) = parse(&name);
        let mut state = self.0.lock().unwrap();
        state.sent_bytes += data.len();
        let committed_size = data.len() as i64;
        if zstd {
            data = zstd::bulk::decompress(&data, digest.size_bytes as usize).unwrap();
        }
        state.put(&digest, data)?;
        Ok(Response::new(WriteResponse { committed_size }))
    }

    async fn query_write_status(
        &self,
        _: Request<QueryWriteStatusRequest>,
    ) -> Result<Response<QueryWriteStatusResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

#[tonic::async_trait]
impl ActionCache for Service {
    async fn get_action_result(
        &self,
        request: Request<reapi::GetActionResultRequest>,
    ) -> Result<Response<reapi::ActionResult>, Status> {
        self.begin("result", &request).await?;
        let state = self.0.lock().unwrap();
        let key = request.into_inner().action_digest.unwrap().hash;
        let result = state.results.get(&key).cloned();
        Ok(Response::new(
            result.ok_or_else(|| Status::not_found("no result"))?,
        ))
    }

    async fn update_action_result(
        &self,
        request: Request<reapi::UpdateActionResultRequest>,
    ) -> Result<Response<reapi::ActionResult>, Status> {
        self.begin("put", &request).await?;
        let mut state = self.0.lock().unwrap();
        let request = request.into_inner();
        let result = request.action_result.unwrap();
        for file in &result.output_files {
            let digest = file.digest.as_ref().unwrap();
            assert!(file.contents.is_empty());
            assert!(
                state.blobs.contains_key(&digest.hash),
                "the object was sent before"
            );
        }
        state
            .results
            .insert(request.action_digest.unwrap().hash, result.clone());
        Ok(Response::new(result))
    }
}

#[tonic::async_trait]
impl Capabilities for Service {
    async fn get_capabilities(
        &self,
        request: Request<reapi::GetCapabilitiesRequest>,
    ) -> Result<Response<reapi::ServerCapabilities>, Status> {
        let fault = self.begin("capabilities", &request).await?;
        let state = self.0.lock().unwrap();
        let function = match fault {
            Some(_) => digest_function::Value::Md5,
            None => digest_function::Value::Sha256,
        };
        let zstd = match state.zstd {
            true => vec![compressor::Value::Zstd.into()],
            false => Vec::new(),
        };
        Ok(Response::new(reapi::ServerCapabilities {
            cache_capabilities: Some(reapi::CacheCapabilities {
                digest_functions: vec![function.into()],
                max_batch_total_size_bytes: state.most_batch_bytes,
                supported_compressors: zstd.clone(),
                supported_batch_update_compressors: zstd,
                ..Default::default()
            }),
            ..Default::default()
        }))
    }
}

#[tonic::async_trait]
impl Execution for Service {
    type ExecuteStream = Reading<Operation>;

    async fn execute(
        &self,
        request: Request<reapi::ExecuteRequest>,
    ) -> Result<Response<Self::ExecuteStream>, Status> {
        let fault = self.begin("execute", &request).await?;
        let request = request.into_inner();
        let digest = request.action_digest.unwrap();
        let queued = Operation {
            name: digest.hash.clone(),
            ..Default::default()
        };
        match fault {
            Some(Fault::Break) => return Ok(stream(vec![queued])),
            // There is no worker.
            Some(_) => {
                let never = tokio_stream::pending::<Result<Operation, Status>>();
                let queued = tokio_stream::once(Ok(queued));
                return Ok(Response::new(Box::pin(queued.chain(never))));
            }
            None => {}
        }
        let mut state = self.0.lock().unwrap();
        if !request.skip_cache_lookup
            && let Some(result) = state.results.get(&digest.hash).cloned()
        {
            return Ok(stream(vec![queued, done(&digest.hash, Ok(result))]));
        }
        let result = state.execute(&digest);
        Ok(stream(vec![queued, done(&digest.hash, result)]))
    }

    type WaitExecutionStream = Reading<Operation>;

    async fn wait_execution(
        &self,
        request: Request<reapi::WaitExecutionRequest>,
    ) -> Result<Response<Self::WaitExecutionStream>, Status> {
        self.begin("wait", &request).await?;
        let name = request.into_inner().name;
        let digest = self
            .0
            .lock()
            .unwrap()
            .blobs
            .get(&name)
            .map(|blob| digest(blob));
        let digest = digest.ok_or_else(|| Status::not_found("no operation"))?;
        let result = self.0.lock().unwrap().execute(&digest);
        Ok(stream(vec![done(&name, result)]))
    }
}

fn done(name: &str, result: Result<reapi::ActionResult, Status>) -> Operation {
    let mut response = reapi::ExecuteResponse::default();
    match result {
        Ok(result) => response.result = Some(result),
        Err(status) => {
            response.status = Some(rpc::Status {
                code: status.code().into(),
                message: status.message().to_owned(),
                ..Default::default()
            });
        }
    }
    Operation {
        name: name.to_owned(),
        done: true,
        result: Some(operation::Result::Response(protobuf::Any {
            type_url: "type.googleapis.com/build.bazel.remote.execution.v2.ExecuteResponse".into(),
            value: response.encode_to_vec(),
        })),
        ..Default::default()
    }
}
