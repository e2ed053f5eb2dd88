// The backend of distributed ThinLTO: a module, the index that a thin link
// wrote for it and the modules that it imports from become native code.

#include "LLVMWrapper.h"
#include "ModuleRecords.h"

#include "llvm-c/Core.h"
#include "llvm-c/TargetMachine.h"
#include "llvm/Analysis/ModuleSummaryAnalysis.h"
#if LLVM_VERSION_GE(22, 0)
#include "llvm/Analysis/RuntimeLibcallInfo.h"
#endif
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/LTO/LTOBackend.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/CrashRecoveryContext.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/Path.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/Utils/Cloning.h"
#include <csignal>
#include <exception>

using namespace llvm;

// In RustWrapper.cpp.
extern "C" void LLVMRustInstallErrorHandlers();
extern "C" char *LLVMRustGetLastError(void);

// How the backend ended. All but `Success` come with a message.
enum class LLVMRustThinLTOBackendResult {
  Success,
  // Any failure that has no name of its own below.
  Failure,
  // The input or the index cannot be read.
  Unreadable,
  // The input, the index or an import is not the expected kind of bitcode.
  NotBitcode,
  // LLVM cannot read the bitcode.
  Damaged,
  // The index was not made for the input.
  OtherModule,
  // A module to import from cannot be read.
  MissingImport,
  // A module to import from is not the one that the index was made with.
  OtherImport,
  // The input was compiled for another target than that of the session.
  OtherTarget,
  // An output cannot be written.
  Unwritable,
  // LLVM crashed or gave up; its state is lost.
  Crash,
  // As `Crash`, by accessing memory that is not there, such as that beyond a
  // stack.
  MemoryFault,
};

// Mirrors `ThinLTOOutput` in llvm/thinlto_backend.rs.
struct LLVMRustThinLTOOutput {
  // The file to write to, or null if there is to be no such output.
  const char *File;
  // What messages call it.
  const char *Name;
};

// Mirrors `ThinLTOBackendConfig` in llvm/thinlto_backend.rs. Everything is
// borrowed for the call; strings end in a null byte.
struct LLVMRustThinLTOBackendConfig {
  const char *Input;
  // An index file; an empty file asks for code without ThinLTO.
  const char *Index;
  // The prefix of the intermediate bitcode files to write, or null.
  const char *SaveTemps;
  // Pairs of paths, OLD followed by NEW: modules that the index names as OLD,
  // or that lie under it, are read from NEW. The last match wins.
  const char *const *Remap;
  size_t RemapLen;
  // Target options and, unless the module specifies them, the models to use.
  LLVMTargetMachineRef TargetMachine;
  bool OverrideRelocModel;
  bool OverrideCodeModel;
  // 0 for the target's default.
  uint64_t LargeDataThreshold;
  bool VerifyIR;
  bool NoBuiltins;
  LLVMRustThinLTOOutput Object;
  LLVMRustThinLTOOutput Dwo;
  LLVMRustThinLTOOutput Assembly;
  LLVMRustThinLTOOutput LlvmIr;
  LLVMRustThinLTOOutput Bitcode;
  // Runs the session's pass pipeline on a module, with the index or null.
  LLVMRustResult (*Optimize)(void *Pipeline, LLVMModuleRef M,
                             LLVMTargetMachineRef TM,
                             const ModuleSummaryIndex *Index);
  void *Pipeline;
};

namespace {

using Result = LLVMRustThinLTOBackendResult;
using Config = LLVMRustThinLTOBackendConfig;
using Output = LLVMRustThinLTOOutput;

class BackendError : public ErrorInfo<BackendError> {
public:
  static char ID;
  Result Kind;
  std::string Message;

  BackendError(Result Kind, const Twine &Message)
      : Kind(Kind), Message(Message.str()) {}
  void log(raw_ostream &OS) const override { OS << Message; }
  std::error_code convertToErrorCode() const override {
    return inconvertibleErrorCode();
  }
};
char BackendError::ID = 0;

Error fail(Result Kind, const Twine &Message) {
  return make_error<BackendError>(Kind, Message);
}

// Adds to one of LLVM's errors the file that it is about.
Error about(const Twine &File, Error Err) {
  return fail(Result::Damaged, "`" + File + "`: " + toString(std::move(Err)));
}

// Reads a file that has to be bitcode or, if `MayBeEmpty`, empty.
Expected<std::unique_ptr<MemoryBuffer>> readBitcode(StringRef File,
                                                    Result Missing,
                                                    bool MayBeEmpty) {
  auto Buffer = MemoryBuffer::getFile(File, /*IsText=*/false,
                                      /*RequiresNullTerminator=*/false);
  if (!Buffer)
    return fail(Missing,
                "cannot read `" + File + "`: " + Buffer.getError().message());
  auto Start = (const unsigned char *)(*Buffer)->getBufferStart();
  auto End = (const unsigned char *)(*Buffer)->getBufferEnd();
  bool Empty = Start == End;
  if (!(Empty && MayBeEmpty) && (End - Start < 4 || !isBitcode(Start, End)))
    return fail(Result::NotBitcode, "`" + File + "` is not LLVM bitcode");
  return std::move(*Buffer);
}

// A module, and what its own records say about it.
struct Bitcode {
  BitcodeModule Module;
  ModuleRecords Records;
};

Expected<Bitcode> thinLTOModule(StringRef File, MemoryBufferRef Buffer) {
  auto Found = lto::findThinLTOModule(Buffer);
  if (Found) {
    auto Records = readModuleRecords(*Found);
    if (!Records)
      return about(File, Records.takeError());
    if (Records->Triple.empty())
      return fail(Result::NotBitcode,
                  "`" + File + "` is a summary or an index: it has no code");
    return Bitcode{*Found, std::move(*Records)};
  }
  if (auto Info = getBitcodeLTOInfo(Buffer); Info && !Info->HasSummary) {
    consumeError(Found.takeError());
    return fail(Result::NotBitcode, "`" + File + "` has no summary");
  } else if (!Info)
    consumeError(Info.takeError());
  return about(File, Found.takeError());
}

// The index in `Buffer`, or null if that is empty.
Expected<std::unique_ptr<ModuleSummaryIndex>> readIndex(StringRef File,
                                                        MemoryBufferRef Buffer) {
  if (Buffer.getBufferSize() == 0)
    return nullptr;
  auto Triple = getBitcodeTargetTriple(Buffer);
  if (!Triple)
    return about(File, Triple.takeError());
  if (!Triple->empty())
    return fail(Result::NotBitcode, "`" + File + "` is a module, not an index");
  auto Index = getModuleSummaryIndex(Buffer);
  if (!Index)
    return about(File, Index.takeError());
  return Index;
}

// The modules to import from, by their paths in the index.
struct Imports {
  MapVector<StringRef, BitcodeModule> Modules;
  std::vector<std::unique_ptr<MemoryBuffer>> Buffers;
};

class Backend {
  const Config &C;
  LLVMContext &Context;
  std::unique_ptr<ModuleSummaryIndex> Index;
  std::unique_ptr<Module> M;
  std::unique_ptr<TargetMachine> TM;

  std::string locate(StringRef Path);
  TargetMachine &session() {
    return *reinterpret_cast<TargetMachine *>(C.TargetMachine);
  }
  Error checkTarget(StringRef File, StringRef FileTriple);
  Error createTargetMachine();
  Expected<StringRef> ownPath(const Bitcode &Input);
  Error checkIndex(StringRef Path, const ModuleSummaryIndex &Own,
                   const GVSummaryMapTy &Defined);
  Error openImport(StringRef Path, Imports &Opened);
  Error openImports(const FunctionImporter::ImportMapTy &List, Imports &Opened);
  lto::Config importConfig();
  Error importFunctions(Bitcode &Input);
  void clearModule();
  Error load();
  Error applyIndex(Bitcode &Input);
  Error verify();
  Error optimize();
  void addAnalyses(legacy::PassManager &PM);
  Error generate(Module &Mod, CodeGenFileType Type, const Output &Code,
                 const Output &Dwo);
  Error emit();
  Error saveTemp(const char *Stage);

public:
  Backend(const Config &C, LLVMContext &Context) : C(C), Context(Context) {}
  Error run();
};

// `Path` without `.`, `..` and doubled slashes, as far as the text alone allows.
SmallString<128> normal(StringRef Path) {
  SmallString<128> Normal(Path);
  sys::path::remove_dots(Normal, /*remove_dot_dot=*/true);
  return Normal;
}

// Compares the hashes of two versions of a module; one without a hash matches
// any other.
bool mayBeSame(const ModuleHash &A, const ModuleHash &B) {
  const ModuleHash NoHash = {};
  return A == NoHash || B == NoHash || A == B;
}

// The file of an output, open for writing.
class OutputFile {
  const Output &To;
  std::error_code EC;

public:
  raw_fd_ostream OS;

  OutputFile(const Output &To) : To(To), OS(To.File, EC) {}
  ~OutputFile() { OS.clear_error(); }
  bool isOpen() const { return !EC; }
  // Fails if opening the file or anything since then has gone wrong.
  Error close() {
    if (isOpen()) {
      OS.close();
      EC = OS.error();
    }
    if (!EC)
      return Error::success();
    return fail(Result::Unwritable, "cannot write `" + Twine(To.Name) +
                                        "`: " + EC.message());
  }
};

// Has `Fill` write the output `To`.
Error writeTo(const Output &To, function_ref<void(raw_ostream &)> Fill) {
  OutputFile File(To);
  if (File.isOpen())
    Fill(File.OS);
  return File.close();
}

// Where to read the module that the index names as `Path`.
std::string Backend::locate(StringRef Path) {
  SmallString<128> Normal = normal(Path);
  for (size_t I = C.RemapLen; I != 0; I -= 2) {
    SmallString<128> Old = normal(StringRef(C.Remap[I - 2]).rtrim('/'));
    StringRef New = StringRef(C.Remap[I - 1]);
    StringRef Rest = Normal;
    if (!Rest.consume_front(Old))
      continue;
    if (Rest.empty())
      return New.str();
    if (Old.empty() || Rest.consume_front("/")) {
      SmallString<128> File(New);
      sys::path::append(File, Rest);
      return File.str().str();
    }
  }
  return Path.str();
}

// Writes the module as it is at `Stage`, if the session asks for that.
Error Backend::saveTemp(const char *Stage) {
  if (!C.SaveTemps)
    return Error::success();
  std::string File = std::string(C.SaveTemps) + "-" + Stage + ".bc";
  return writeTo({File.c_str(), File.c_str()},
                 [&](raw_ostream &OS) { WriteBitcodeToFile(*M, OS); });
}

// Fails if the module in `File` is for another target than the session.
Error Backend::checkTarget(StringRef File, StringRef FileTriple) {
  const Triple &Wanted = session().getTargetTriple();
  Triple Found(Triple::normalize(FileTriple));
  // Compilers differ in what they call the vendor, and versions may differ.
  if (Found.getArch() == Wanted.getArch() && Found.getOS() == Wanted.getOS() &&
      Found.getEnvironment() == Wanted.getEnvironment())
    return Error::success();
  return fail(Result::OtherTarget, "`" + File + "` is for `" + FileTriple +
                                       "`, the session for `" + Wanted.str() +
                                       "`");
}

// Creates the target machine for the module, whose own settings win unless the
// session overrides them.
Error Backend::createTargetMachine() {
  Triple ModuleTriple(M->getTargetTriple());
  if (Error Err = checkTarget(C.Input, ModuleTriple.str()))
    return Err;
  TargetMachine &Session = session();
  auto RelocModel = Session.getRelocationModel();
  if (!C.OverrideRelocModel && M->getModuleFlag("PIC Level"))
    RelocModel =
        M->getPICLevel() == PICLevel::NotPIC ? Reloc::Static : Reloc::PIC_;
  std::optional<CodeModel::Model> Code = M->getCodeModel();
  if (C.OverrideCodeModel)
    Code = Session.getCodeModel();

  ModuleTriple = Triple(Triple::normalize(ModuleTriple.str()));
  TM.reset(Session.getTarget().createTargetMachine(
#if LLVM_VERSION_GE(21, 0)
      ModuleTriple,
#else
      ModuleTriple.str(),
#endif
      Session.getTargetCPU(), Session.getTargetFeatureString(), Session.Options,
      RelocModel, Code, Session.getOptLevel()));
  if (!TM)
    return fail(Result::Failure, "LLVM has no target machine for `" +
                                     ModuleTriple.str() + "`");
  if (C.LargeDataThreshold != 0)
    TM->setLargeDataThreshold(C.LargeDataThreshold);
  if (!TM->isCompatibleDataLayout(M->getDataLayout()))
    return fail(Result::OtherTarget,
                "`" + Twine(C.Input) + "` has the data layout `" +
                    M->getDataLayoutStr() + "`, the session `" +
                    TM->createDataLayout().getStringRepresentation() + "`");
  return Error::success();
}

// The name that the index has for the input.
Expected<StringRef> Backend::ownPath(const Bitcode &Input) {
  const ModuleHash NoHash = {};
  SmallString<128> Place = normal(C.Input);
  SmallVector<StringRef, 1> SameHash;
  for (const auto &Entry : Index->modulePaths()) {
    if (normal(locate(Entry.first())) == Place) {
      if (mayBeSame(Entry.second, Input.Records.Hash))
        return Entry.first();
      return fail(Result::OtherModule, "the index `" + Twine(C.Index) +
                                           "` was made for another version of `" +
                                           C.Input + "`");
    }
    if (Input.Records.Hash != NoHash && Entry.second == Input.Records.Hash)
      SameHash.push_back(Entry.first());
  }
  if (SameHash.size() == 1)
    return SameHash[0];
  return fail(Result::OtherModule, "the index `" + Twine(C.Index) +
                                       "` does not name `" + C.Input + "`");
}

// Whether a thin link can have chosen `Summary` for import by another module.
// What it chooses it also exports, so that its linkage is no longer local.
bool isImportable(const GlobalValueSummary &Summary) {
  return !GlobalValue::isLocalLinkage(Summary.linkage()) &&
         !Summary.notEligibleToImport();
}

// Fails if the index is that of another module. Any index that imports from the
// input names it, but only its own holds everything that it defines. If the
// other module imports all of that, its index also holds its own definitions,
// and usually some of them cannot be imported. If all of them can, its index is
// valid for the input as well: the index only says what to import.
Error Backend::checkIndex(StringRef Path, const ModuleSummaryIndex &Own,
                          const GVSummaryMapTy &Defined) {
  bool Right = true;
  for (const auto &Global : Own)
    Right &= Own.getValueInfo(Global).getSummaryList().empty() ||
             Defined.count(Global.first);
  for (const auto &Global : *Index)
    for (const auto &Summary : Index->getValueInfo(Global).getSummaryList())
      Right &= Summary->modulePath() == Path || isImportable(*Summary);
  if (Right)
    return Error::success();
  return fail(Result::OtherModule, "the index `" + Twine(C.Index) +
                                       "` is for another module than `" +
                                       C.Input + "`");
}

// Opens the module that the index names `Path`.
Error Backend::openImport(StringRef Path, Imports &Opened) {
  std::string File = locate(Path);
  auto Buffer = readBitcode(File, Result::MissingImport, false);
  if (!Buffer)
    return Buffer.takeError();
  // LLVM looks the module up in the index by its identifier, wherever the file
  // is.
  MemoryBufferRef Named((*Buffer)->getBuffer(), Path);
  auto Import = thinLTOModule(File, Named);
  if (!Import)
    return Import.takeError();
  if (Error Err = checkTarget(File, Import->Records.Triple))
    return Err;
  if (!mayBeSame(Index->getModuleHash(Path), Import->Records.Hash))
    return fail(Result::OtherImport,
                "the index `" + Twine(C.Index) +
                    "` was made with another version of `" + File + "`");
  Opened.Modules.insert({Path, Import->Module});
  Opened.Buffers.push_back(std::move(*Buffer));
  return Error::success();
}

// Opens all modules that the index names for imports into the module.
Error Backend::openImports(const FunctionImporter::ImportMapTy &List,
                           Imports &Opened) {
  for (StringRef From : List.getSourceModules())
    if (Error Err = openImport(From, Opened))
      return Err;
  return Error::success();
}

// The configuration of `lto::thinBackend`, which is stopped before its own
// pipeline: the session's pipeline and target machine do the rest.
lto::Config Backend::importConfig() {
  lto::Config Conf;
  Conf.CPU = TM->getTargetCPU().str();
  Conf.MAttrs = {TM->getTargetFeatureString().str()};
  Conf.Options = TM->Options;
  Conf.RelocModel = TM->getRelocationModel();
  Conf.CodeModel = TM->getCodeModel();
  Conf.PostImportModuleHook = [](unsigned, const Module &) { return false; };
  return Conf;
}

// Promotes, internalizes and imports as the index says.
Error Backend::importFunctions(Bitcode &Input) {
  auto Path = ownPath(Input);
  if (!Path)
    return Path.takeError();
  auto Own = Input.Module.getSummary();
  if (!Own)
    return about(C.Input, Own.takeError());
  DenseMap<StringRef, GVSummaryMapTy> DefinedBy;
  Index->collectDefinedGVSummariesPerModule(DefinedBy);
  const GVSummaryMapTy &Defined = DefinedBy[*Path];
  if (Error Err = checkIndex(*Path, **Own, Defined))
    return Err;

  M->setModuleIdentifier(*Path);
  FunctionImporter::ImportIDTable ImportIDs;
  FunctionImporter::ImportMapTy ImportList(ImportIDs);
  if (!lto::initImportList(*M, *Index, ImportList))
    return fail(Result::Failure, "no list of imports");
  Imports Opened;
  if (Error Err = openImports(ImportList, Opened))
    return Err;
  return lto::thinBackend(importConfig(), 0, nullptr, *M, *Index, ImportList,
                          Defined, &Opened.Modules, /*CodeGenOnly=*/false);
}

// Runs the session's pipeline.
Error Backend::optimize() {
  if (C.Optimize(C.Pipeline, wrap(M.get()),
                 reinterpret_cast<LLVMTargetMachineRef>(TM.get()),
                 Index.get()) == LLVMRustResult::Success)
    return Error::success();
  std::unique_ptr<char, decltype(&free)> Message(LLVMRustGetLastError(), free);
  return fail(Result::Failure, Message ? Message.get() : "no reason given");
}

// Adds the analyses of the target and the index that code generation uses.
void Backend::addAnalyses(legacy::PassManager &PM) {
  PM.add(createTargetTransformInfoWrapperPass(TM->getTargetIRAnalysis()));
  TargetLibraryInfoImpl TLII(TM->getTargetTriple());
  if (C.NoBuiltins)
    TLII.disableAllFunctions();
  PM.add(new TargetLibraryInfoWrapperPass(TLII));
#if LLVM_VERSION_GE(22, 0)
  const TargetOptions &Options = TM->Options;
  PM.add(new RuntimeLibraryInfoWrapper(
      TM->getTargetTriple(), Options.ExceptionModel, Options.FloatABIType,
      Options.EABIVersion, Options.MCOptions.ABIName, Options.VecLib));
#endif
  PM.add(createImmutableModuleSummaryIndexWrapperPass(Index.get()));
}

// Generates code for `Mod`, which must not be used afterwards.
Error Backend::generate(Module &Mod, CodeGenFileType Type, const Output &Code,
                        const Output &Dwo) {
  OutputFile CodeFile(Code);
  std::optional<OutputFile> DwoFile;
  if (Dwo.File)
    DwoFile.emplace(Dwo);

  {
    // The passes write the rest when they are destroyed.
    legacy::PassManager PM;
    addAnalyses(PM);
    if (TM->addPassesToEmitFile(PM, CodeFile.OS,
                                DwoFile ? &DwoFile->OS : nullptr, Type,
                                /*DisableVerify=*/!C.VerifyIR))
      return fail(Result::Failure, "the target cannot emit such a file");
    PM.run(Mod);
  }

  if (Error Err = CodeFile.close())
    return Err;
  return DwoFile ? DwoFile->close() : Error::success();
}

Error Backend::emit() {
  if (C.Bitcode.File)
    if (Error Err = writeTo(C.Bitcode, [&](raw_ostream &OS) {
          WriteBitcodeToFile(*M, OS);
        }))
      return Err;
  if (C.LlvmIr.File)
    if (Error Err = writeTo(
            C.LlvmIr, [&](raw_ostream &OS) { M->print(OS, nullptr); }))
      return Err;
  if (C.Assembly.File) {
    // Code generation changes the module.
    std::unique_ptr<Module> Copy = C.Object.File ? CloneModule(*M) : nullptr;
    if (Error Err = generate(Copy ? *Copy : *M, CodeGenFileType::AssemblyFile,
                             C.Assembly, Output{}))
      return Err;
  }
  if (C.Object.File)
    return generate(*M, CodeGenFileType::ObjectFile, C.Object, C.Dwo);
  return Error::success();
}

// Replaces the module with one that has nothing in it.
void Backend::clearModule() {
  auto Empty = std::make_unique<Module>(M->getModuleIdentifier(), Context);
  Empty->setTargetTriple(M->getTargetTriple());
  Empty->setDataLayout(M->getDataLayout());
  M = std::move(Empty);
}

// Changes the module as the index says.
Error Backend::applyIndex(Bitcode &Input) {
  if (!Index)
    return Error::success();
  if (Index->skipModuleByDistributedBackend()) {
    // The linker did not select this module, but it wants the file.
    clearModule();
    Index.reset();
    return Error::success();
  }
  if (Error Err = saveTemp("input"))
    return Err;
  if (Error Err = importFunctions(Input))
    return Err;
  return saveTemp("after-import");
}

// Fails if the module with its imports is invalid.
Error Backend::verify() {
  std::string Broken;
  raw_string_ostream BrokenOS(Broken);
  if (!verifyModule(*M, &BrokenOS))
    return Error::success();
  return fail(Result::Damaged, "`" + Twine(C.Input) + "`: " +
                                   StringRef(Broken).split('\n').first);
}

// Reads the module and what it imports.
Error Backend::load() {
  // Merges the debug info types of all these modules.
  Context.enableDebugTypeODRUniquing();

  auto Buffer = readBitcode(C.Input, Result::Unreadable, false);
  if (!Buffer)
    return Buffer.takeError();
  auto IndexBuffer = readBitcode(C.Index, Result::Unreadable, true);
  if (!IndexBuffer)
    return IndexBuffer.takeError();
  auto Input = thinLTOModule(C.Input, **Buffer);
  if (!Input)
    return Input.takeError();
  if (Error Err = readIndex(C.Index, **IndexBuffer).moveInto(Index))
    return Err;
  if (Error Err = Input->Module.parseModule(Context).moveInto(M))
    return about(C.Input, std::move(Err));
  if (Error Err = createTargetMachine())
    return Err;
  if (Error Err = applyIndex(*Input))
    return Err;
  return verify();
}

Error Backend::run() {
  if (Error Err = load())
    return Err;
  if (Error Err = optimize())
    return Err;
  if (Error Err = saveTemp("after-pm"))
    return Err;
  return emit();
}

void onFatalError(void *Reason, const char *Message, bool) {
  *static_cast<std::string *>(Reason) = Message;
  CrashRecoveryContext::GetCurrent()->HandleExit(1);
}

// Another stack for the signal handlers that are installed when this is
// constructed. A stack that has overflowed has no room for a handler, and the
// process would end.
class SignalStack {
#ifdef LLVM_ON_UNIX
  char Memory[1 << 16];
  stack_t Previous;

public:
  SignalStack() {
    stack_t Stack = {};
    Stack.ss_sp = Memory;
    Stack.ss_size = sizeof(Memory);
    sigaltstack(&Stack, &Previous);
    for (int Signal : {SIGBUS, SIGSEGV}) {
      struct sigaction Action;
      sigaction(Signal, nullptr, &Action);
      Action.sa_flags |= SA_ONSTACK;
      sigaction(Signal, &Action, nullptr);
    }
  }
  ~SignalStack() { sigaltstack(&Previous, nullptr); }
#endif
};

bool isMemoryFault(int RetCode) {
#ifdef LLVM_ON_UNIX
  return RetCode == 128 + SIGBUS || RetCode == 128 + SIGSEGV;
#else
  return false;
#endif
}

// Runs `Run`, and returns how it ended: in success, whatever it did, or in a
// crash, of which `Reason` is what LLVM says, if anything.
//
// Between here and a crash lie frames of C++ and that of `Optimize`, which has
// nothing to clean up; all other calls into Rust return first.
Result runSafely(function_ref<void()> Run, std::string &Reason) {
  CrashRecoveryContext::Enable();
  auto OnStack = std::make_unique<SignalStack>();
  remove_fatal_error_handler();
  remove_bad_alloc_error_handler();
  install_fatal_error_handler(onFatalError, &Reason);
  install_bad_alloc_error_handler(onFatalError, &Reason);
  // Nothing here catches exceptions; they should end without C++'s message.
  auto OldTerminate = std::set_terminate(abort);
  CrashRecoveryContext Recovery;
  bool Finished = Recovery.RunSafely(Run);
  std::set_terminate(OldTerminate);
  remove_fatal_error_handler();
  remove_bad_alloc_error_handler();
  LLVMRustInstallErrorHandlers();
  CrashRecoveryContext::Disable();
  if (Finished)
    return Result::Success;
  return isMemoryFault(Recovery.RetCode) ? Result::MemoryFault : Result::Crash;
}

} // namespace

// Runs the backend in `Context`, which the caller keeps, and returns how it
// ended; `Message` is the reason of a failure. After a crash the context must
// not be touched again, not even to be disposed of.
extern "C" LLVMRustThinLTOBackendResult
LLVMRustRunThinLTOBackend(const LLVMRustThinLTOBackendConfig *C,
                          LLVMContextRef Context, RustStringRef Message) {
  RawRustStringOstream MessageOS(Message);
  Result Kind = Result::Success;
  std::string Reason;
  auto Run = [&] {
    handleAllErrors(
        Backend(*C, *unwrap(Context)).run(),
        [&](const BackendError &Err) {
          Kind = Err.Kind;
          MessageOS << Err.Message;
        },
        [&](const ErrorInfoBase &Err) {
          Kind = Result::Failure;
          MessageOS << Err.message();
        });
  };
  Result End = runSafely(Run, Reason);
  if (End == Result::Success)
    return Kind;
  MessageOS << (Reason.empty() ? "it crashed" : Reason.c_str());
  return End;
}
