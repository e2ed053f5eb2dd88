// The backend of distributed ThinLTO: a module, the index that a thin link
// wrote for it and the modules that it imports from become native code.

#include "LLVMWrapper.h"

#include "llvm-c/Core.h"
#include "llvm-c/TargetMachine.h"
#include "llvm/Analysis/ModuleSummaryAnalysis.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/LTO/LTOBackend.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Passes/StandardInstrumentations.h"
#include "llvm/Support/CrashRecoveryContext.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/PGOOptions.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/VirtualFileSystem.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/Utils/Cloning.h"
#include <exception>
#include <set>

using namespace llvm;

extern "C" typedef void (*LLVMRustSelfProfileBeforePassCallback)(void *,
                                                                 const char *,
                                                                 const char *);
extern "C" typedef void (*LLVMRustSelfProfileAfterPassCallback)(void *);

// In PassWrapper.cpp.
void LLVMSelfProfileInitializeCallbacks(
    PassInstrumentationCallbacks &PIC, void *LlvmSelfProfiler,
    LLVMRustSelfProfileBeforePassCallback BeforePassCallback,
    LLVMRustSelfProfileAfterPassCallback AfterPassCallback);

// In RustWrapper.cpp.
extern "C" void LLVMRustInstallErrorHandlers();

// How the backend ended. All but `Success` come with a message.
enum class LLVMRustThinLTOBackendResult {
  Success,
  // Any failure that has no name of its own below.
  Failure,
  // The input, the index or an import is not bitcode of the kind wanted.
  NotBitcode,
  // The index was not made for the input.
  OtherModule,
  // A module to import from cannot be read.
  MissingImport,
  // The input was compiled for another target than that of the session.
  OtherTarget,
  // LLVM crashed or gave up; its state is lost.
  Crash,
};

// What a result is handed over as.
enum class LLVMRustThinLTOOutput { Object, Dwo, Assembly, LlvmIr, Bitcode };

// Mirrors `ThinLTOBackendConfig` in llvm/thinlto_backend.rs. Everything is
// borrowed for the call; strings end in a null byte; paths may be null where
// the comment says so.
struct LLVMRustThinLTOBackendConfig {
  const char *Input;
  // An index file; an empty file asks for code without ThinLTO.
  const char *Index;
  // The prefix of the intermediate bitcode to write, or null.
  const char *SaveTemps;
  // Pairs of paths, OLD and NEW by turns: modules that the index names as OLD,
  // or that lie under it, are read from NEW. The last that fits counts.
  const char *const *Remap;
  size_t RemapLen;
  // Target options and, where the module does not say, the models to use.
  LLVMTargetMachineRef TargetMachine;
  bool OverrideRelocModel;
  bool OverrideCodeModel;
  // O0 to O3, then Os and Oz.
  unsigned OptLevel;
  bool NoPrepopulatePasses;
  bool VerifyEach;
  bool MergeFunctions;
  bool UnrollLoops;
  bool VectorizeSLP;
  bool VectorizeLoop;
  bool NoBuiltins;
  bool DebugInfoForProfiling;
  // Profiles of an instrumented run and of sampling, or null.
  const char *ProfileUse;
  const char *ProfileSampleUse;
  bool EmitObject;
  bool EmitDwo;
  bool EmitAssembly;
  bool EmitLlvmIr;
  bool EmitBitcode;
  // Null unless passes are to be recorded.
  void *SelfProfiler;
  LLVMRustSelfProfileBeforePassCallback BeforePass;
  LLVMRustSelfProfileAfterPassCallback AfterPass;
  // Takes a finished output, of which it keeps nothing, and `OutputData`.
  void (*Output)(void *OutputData, LLVMRustThinLTOOutput Kind,
                 const char *Bytes, size_t Len);
  void *OutputData;
};

namespace {

using Result = LLVMRustThinLTOBackendResult;
using Config = LLVMRustThinLTOBackendConfig;

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

// Adds to an error of LLVM's which file it is about.
Error about(const Twine &File, Error Err) {
  return fail(Result::Failure, "`" + File + "`: " + toString(std::move(Err)));
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

Expected<BitcodeModule> thinLTOModule(StringRef File, MemoryBufferRef Buffer) {
  auto Found = lto::findThinLTOModule(Buffer);
  if (Found) {
    // Only whole modules name their target.
    auto Triple = getBitcodeTargetTriple(Buffer);
    if (!Triple)
      return about(File, Triple.takeError());
    if (Triple->empty())
      return fail(Result::NotBitcode,
                  "`" + File + "` is a summary or an index: it has no code");
    return Found;
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

class Backend {
  const Config &C;
  LLVMContext &Context;
  // The bitcode of the input and of the modules that it imports from.
  std::vector<std::unique_ptr<MemoryBuffer>> Buffers;
  std::unique_ptr<ModuleSummaryIndex> Index;
  std::unique_ptr<Module> M;
  std::unique_ptr<TargetMachine> TM;

  std::string locate(StringRef Path);
  TargetMachine &session() {
    return *reinterpret_cast<TargetMachine *>(C.TargetMachine);
  }
  Error checkTarget(StringRef File, StringRef FileTriple);
  Error createTargetMachine();
  Expected<StringRef> ownPath(const ModuleSummaryIndex &Own);
  Error checkIndex(StringRef Path, const ModuleSummaryIndex &Own,
                   const GVSummaryMapTy &Defined);
  Expected<MapVector<StringRef, BitcodeModule>>
  openImports(const FunctionImporter::ImportMapTy &ImportList);
  Error importFunctions(BitcodeModule &Input);
  Error optimize();
  Error generate(Module &Mod, CodeGenFileType Type, LLVMRustThinLTOOutput Kind);
  Error emit();
  void saveTemp(const Module &Mod, const char *Stage);

public:
  Backend(const Config &C, LLVMContext &Context) : C(C), Context(Context) {}
  Error run();
};

// Where to read the module that the index names as `Path`.
std::string Backend::locate(StringRef Path) {
  for (size_t I = C.RemapLen; I != 0; I -= 2) {
    StringRef Old = StringRef(C.Remap[I - 2]).rtrim('/');
    StringRef New = StringRef(C.Remap[I - 1]);
    StringRef Rest = Path;
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

void Backend::saveTemp(const Module &Mod, const char *Stage) {
  if (!C.SaveTemps)
    return;
  std::error_code EC;
  raw_fd_ostream OS(std::string(C.SaveTemps) + "." + Stage + ".bc", EC);
  if (!EC)
    WriteBitcodeToFile(Mod, OS);
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

// Makes the target machine for the module: what the module says, holds.
Error Backend::createTargetMachine() {
  if (Error Err = checkTarget(C.Input, M->getTargetTriple()))
    return Err;
  TargetMachine &Session = session();
  auto RelocModel = Session.getRelocationModel();
  if (!C.OverrideRelocModel && M->getModuleFlag("PIC Level"))
    RelocModel =
        M->getPICLevel() == PICLevel::NotPIC ? Reloc::Static : Reloc::PIC_;
  std::optional<CodeModel::Model> Code = M->getCodeModel();
  if (C.OverrideCodeModel)
    Code = Session.getCodeModel();

  std::string ModuleTriple = Triple::normalize(M->getTargetTriple());
  TM.reset(Session.getTarget().createTargetMachine(
      ModuleTriple, Session.getTargetCPU(), Session.getTargetFeatureString(),
      Session.Options, RelocModel, Code, Session.getOptLevel()));
  if (!TM)
    return fail(Result::Failure, "LLVM has no target machine for `" +
                                     ModuleTriple + "`");
  if (!TM->isCompatibleDataLayout(M->getDataLayout()))
    return fail(Result::OtherTarget,
                "`" + Twine(C.Input) + "` has the data layout `" +
                    M->getDataLayoutStr() + "`, the session `" +
                    TM->createDataLayout().getStringRepresentation() + "`");
  return Error::success();
}

// The name that the index has for the input, whose own summary is `Own`.
Expected<StringRef> Backend::ownPath(const ModuleSummaryIndex &Own) {
  const ModuleHash NoHash = {};
  const ModuleHash &Hash = Own.modulePaths().begin()->second;
  SmallVector<StringRef, 1> SameHash;
  for (const auto &Entry : Index->modulePaths()) {
    bool Same = Hash != NoHash && Entry.second == Hash;
    if (locate(Entry.first()) == C.Input) {
      if (Same || Hash == NoHash || Entry.second == NoHash)
        return Entry.first();
      return fail(Result::OtherModule, "the index `" + Twine(C.Index) +
                                           "` was made for another version of `" +
                                           C.Input + "`");
    }
    if (Same)
      SameHash.push_back(Entry.first());
  }
  if (SameHash.size() == 1)
    return SameHash[0];
  return fail(Result::OtherModule, "the index `" + Twine(C.Index) +
                                       "` does not name `" + C.Input + "`");
}

// An index for a module holds all that the module defines, and of others only
// what can be reached from there. The index for a module that imports from the
// input names the input as well, but fails this.
Error Backend::checkIndex(StringRef Path, const ModuleSummaryIndex &Own,
                          const GVSummaryMapTy &Defined) {
  std::set<GlobalValue::GUID> Reached;
  SmallVector<const GlobalValueSummary *, 64> Queue;
  for (const auto &Global : Defined)
    Queue.push_back(Global.second);
  auto Reach = [&](ValueInfo VI) {
    if (Reached.insert(VI.getGUID()).second)
      for (const auto &Summary : VI.getSummaryList())
        Queue.push_back(Summary.get());
  };
  while (!Queue.empty()) {
    const GlobalValueSummary *Summary = Queue.pop_back_val();
    for (ValueInfo VI : Summary->refs())
      Reach(VI);
    if (auto *Function = dyn_cast<FunctionSummary>(Summary))
      for (const auto &Call : Function->calls())
        Reach(Call.first);
    if (auto *Alias = dyn_cast<AliasSummary>(Summary); Alias && Alias->hasAliasee())
      Reach(Alias->getAliaseeVI());
  }

  auto Wrong = [&] {
    return fail(Result::OtherModule, "the index `" + Twine(C.Index) +
                                         "` is for another module than `" +
                                         C.Input + "`");
  };
  for (const auto &Global : Own)
    if (!Global.second.SummaryList.empty() && !Defined.count(Global.first))
      return Wrong();
  for (const auto &Global : *Index)
    for (const auto &Summary : Global.second.SummaryList)
      if (Summary->modulePath() != Path && !Reached.count(Global.first))
        return Wrong();
  return Error::success();
}

Expected<MapVector<StringRef, BitcodeModule>>
Backend::openImports(const FunctionImporter::ImportMapTy &ImportList) {
  std::set<StringRef> Paths;
  for (const auto &Import : ImportList)
    Paths.insert(Import.first);
  MapVector<StringRef, BitcodeModule> Modules;
  for (StringRef Path : Paths) {
    std::string File = locate(Path);
    auto Buffer = readBitcode(File, Result::MissingImport, false);
    if (!Buffer)
      return Buffer.takeError();
    auto BM = thinLTOModule(File, **Buffer);
    if (!BM)
      return BM.takeError();
    auto Triple = getBitcodeTargetTriple(**Buffer);
    if (!Triple)
      return about(File, Triple.takeError());
    if (Error Err = checkTarget(File, *Triple))
      return Err;
    Modules.insert({Path, *BM});
    Buffers.push_back(std::move(*Buffer));
  }
  return Modules;
}

// Promotes, internalises and imports as the index says.
Error Backend::importFunctions(BitcodeModule &Input) {
  auto Own = Input.getSummary();
  if (!Own)
    return about(C.Input, Own.takeError());
  auto Path = ownPath(**Own);
  if (!Path)
    return Path.takeError();
  DenseMap<StringRef, GVSummaryMapTy> DefinedBy;
  Index->collectDefinedGVSummariesPerModule(DefinedBy);
  const GVSummaryMapTy &Defined = DefinedBy[*Path];
  if (Error Err = checkIndex(*Path, **Own, Defined))
    return Err;

  M->setModuleIdentifier(*Path);
  FunctionImporter::ImportMapTy ImportList;
  if (!lto::initImportList(*M, *Index, ImportList))
    return fail(Result::Failure, "no list of imports");
  auto Modules = openImports(ImportList);
  if (!Modules)
    return Modules.takeError();

  lto::Config Conf;
  Conf.CPU = TM->getTargetCPU().str();
  Conf.MAttrs = {TM->getTargetFeatureString().str()};
  Conf.Options = TM->Options;
  Conf.RelocModel = TM->getRelocationModel();
  Conf.CodeModel = TM->getCodeModel();
  // The rest is done with the session's own pipeline and target machine.
  Conf.PostImportModuleHook = [](unsigned, const Module &) { return false; };
  return lto::thinBackend(Conf, 0, nullptr, *M, *Index, ImportList, Defined,
                          &*Modules);
}

Error Backend::optimize() {
  static const OptimizationLevel Levels[] = {
      OptimizationLevel::O0, OptimizationLevel::O1, OptimizationLevel::O2,
      OptimizationLevel::O3, OptimizationLevel::Os, OptimizationLevel::Oz};
  OptimizationLevel Level = Levels[C.OptLevel];

  PipelineTuningOptions PTO;
  PTO.LoopUnrolling = C.UnrollLoops;
  PTO.LoopInterleaving = C.UnrollLoops;
  PTO.LoopVectorization = C.VectorizeLoop;
  PTO.SLPVectorization = C.VectorizeSLP;
  PTO.MergeFunctions = C.MergeFunctions;

  std::optional<PGOOptions> PGO;
  if (C.ProfileUse || C.ProfileSampleUse || C.DebugInfoForProfiling) {
    auto Action = C.ProfileUse         ? PGOOptions::IRUse
                  : C.ProfileSampleUse ? PGOOptions::SampleUse
                                       : PGOOptions::NoAction;
    auto File = C.ProfileUse ? C.ProfileUse : C.ProfileSampleUse;
    PGO = PGOOptions(File ? File : "", "", "", "", vfs::getRealFileSystem(),
                     Action, PGOOptions::NoCSAction,
                     PGOOptions::ColdFuncOpt::Default, C.DebugInfoForProfiling);
  }

  LoopAnalysisManager LAM;
  FunctionAnalysisManager FAM;
  CGSCCAnalysisManager CGAM;
  ModuleAnalysisManager MAM;
  PassInstrumentationCallbacks PIC;
  if (C.SelfProfiler)
    LLVMSelfProfileInitializeCallbacks(PIC, C.SelfProfiler, C.BeforePass,
                                       C.AfterPass);
  StandardInstrumentations SI(Context, /*DebugLogging=*/false, C.VerifyEach);
  SI.registerCallbacks(PIC, &MAM);

  PassBuilder PB(TM.get(), PTO, PGO, &PIC);
  TargetLibraryInfoImpl TLII(TM->getTargetTriple());
  if (C.NoBuiltins)
    TLII.disableAllFunctions();
  FAM.registerPass([&] { return PB.buildDefaultAAPipeline(); });
  FAM.registerPass([&] { return TargetLibraryAnalysis(TLII); });
  PB.registerModuleAnalyses(MAM);
  PB.registerCGSCCAnalyses(CGAM);
  PB.registerFunctionAnalyses(FAM);
  PB.registerLoopAnalyses(LAM);
  PB.crossRegisterProxies(LAM, FAM, CGAM, MAM);

  ModulePassManager MPM;
  if (C.NoPrepopulatePasses)
    ;
  else if (Index)
    MPM = PB.buildThinLTODefaultPipeline(Level, Index.get());
  else if (Level == OptimizationLevel::O0)
    MPM = PB.buildO0DefaultPipeline(Level);
  else
    MPM = PB.buildPerModuleDefaultPipeline(Level);
  MPM.run(*M, MAM);
  return Error::success();
}

// Generates code for `Mod`, which is of no use afterwards.
Error Backend::generate(Module &Mod, CodeGenFileType Type,
                        LLVMRustThinLTOOutput Kind) {
  SmallVector<char, 0> Code, Dwo;
  raw_svector_ostream CodeOS(Code), DwoOS(Dwo);
  bool EmitDwo = C.EmitDwo && Type == CodeGenFileType::ObjectFile;

  legacy::PassManager PM;
  PM.add(createTargetTransformInfoWrapperPass(TM->getTargetIRAnalysis()));
  TargetLibraryInfoImpl TLII(TM->getTargetTriple());
  if (C.NoBuiltins)
    TLII.disableAllFunctions();
  PM.add(new TargetLibraryInfoWrapperPass(TLII));
  PM.add(createImmutableModuleSummaryIndexWrapperPass(Index.get()));
  if (TM->addPassesToEmitFile(PM, CodeOS, EmitDwo ? &DwoOS : nullptr, Type,
                              /*DisableVerify=*/!C.VerifyEach))
    return fail(Result::Failure, "the target cannot emit such a file");
  PM.run(Mod);

  C.Output(C.OutputData, Kind, Code.data(), Code.size());
  if (EmitDwo)
    C.Output(C.OutputData, LLVMRustThinLTOOutput::Dwo, Dwo.data(), Dwo.size());
  return Error::success();
}

Error Backend::emit() {
  auto Write = [&](LLVMRustThinLTOOutput Kind, auto Fill) {
    SmallVector<char, 0> Bytes;
    raw_svector_ostream OS(Bytes);
    Fill(OS);
    C.Output(C.OutputData, Kind, Bytes.data(), Bytes.size());
  };
  if (C.EmitBitcode)
    Write(LLVMRustThinLTOOutput::Bitcode,
          [&](raw_ostream &OS) { WriteBitcodeToFile(*M, OS); });
  if (C.EmitLlvmIr)
    Write(LLVMRustThinLTOOutput::LlvmIr,
          [&](raw_ostream &OS) { M->print(OS, nullptr); });
  if (C.EmitAssembly) {
    // Code generation changes the module.
    std::unique_ptr<Module> Copy = C.EmitObject ? CloneModule(*M) : nullptr;
    if (Error Err = generate(Copy ? *Copy : *M, CodeGenFileType::AssemblyFile,
                             LLVMRustThinLTOOutput::Assembly))
      return Err;
  }
  if (C.EmitObject)
    return generate(*M, CodeGenFileType::ObjectFile,
                    LLVMRustThinLTOOutput::Object);
  return Error::success();
}

Error Backend::run() {
  // Debug info types of several modules are to become one.
  Context.enableDebugTypeODRUniquing();

  auto Buffer = readBitcode(C.Input, Result::Failure, false);
  if (!Buffer)
    return Buffer.takeError();
  auto IndexBuffer = readBitcode(C.Index, Result::Failure, true);
  if (!IndexBuffer)
    return IndexBuffer.takeError();
  auto BM = thinLTOModule(C.Input, **Buffer);
  if (!BM)
    return BM.takeError();
  auto MaybeIndex = readIndex(C.Index, **IndexBuffer);
  if (!MaybeIndex)
    return MaybeIndex.takeError();
  Index = std::move(*MaybeIndex);
  auto Parsed = BM->parseModule(Context);
  if (!Parsed)
    return about(C.Input, Parsed.takeError());
  M = std::move(*Parsed);
  Buffers.push_back(std::move(*Buffer));
  if (Error Err = createTargetMachine())
    return Err;

  if (Index && Index->skipModuleByDistributedBackend()) {
    // The linker did not select this module: it wants a file, with nothing in it.
    auto Empty = std::make_unique<Module>(M->getModuleIdentifier(), Context);
    Empty->setTargetTriple(M->getTargetTriple());
    Empty->setDataLayout(M->getDataLayout());
    M = std::move(Empty);
    Index.reset();
  } else if (Index) {
    saveTemp(*M, "thin-lto-input");
    if (Error Err = importFunctions(*BM))
      return Err;
    saveTemp(*M, "thin-lto-after-import");
  }
  std::string Broken;
  raw_string_ostream BrokenOS(Broken);
  if (verifyModule(*M, &BrokenOS))
    return fail(Result::Failure, "`" + Twine(C.Input) + "`: " +
                                     StringRef(Broken).split('\n').first);
  if (Error Err = optimize())
    return Err;
  saveTemp(*M, "thin-lto-after-pm");
  return emit();
}

void onFatalError(void *Reason, const char *Message, bool) {
  *static_cast<std::string *>(Reason) = Message;
  CrashRecoveryContext::GetCurrent()->HandleExit(1);
}

} // namespace

// Runs the backend in `Context`, which stays the caller's, and says how it
// ended; unless all is well, `Message` says why. After `Crash` the context must
// not be touched again, not even to be disposed of.
extern "C" LLVMRustThinLTOBackendResult
LLVMRustRunThinLTOBackend(const LLVMRustThinLTOBackendConfig *C,
                          LLVMContextRef Context, RustStringRef Message) {
  RawRustStringOstream MessageOS(Message);
  Result Kind = Result::Success;
  std::string Reason;

  // Only frames of C++ lie between here and a crash: calls into Rust return.
  CrashRecoveryContext::Enable();
  remove_fatal_error_handler();
  remove_bad_alloc_error_handler();
  install_fatal_error_handler(onFatalError, &Reason);
  install_bad_alloc_error_handler(onFatalError, &Reason);
  // An exception, which nothing here catches, is to end without a word of C++'s.
  auto OldTerminate = std::set_terminate(abort);
  CrashRecoveryContext Recovery;
  bool Finished = Recovery.RunSafely([&] {
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
  });
  std::set_terminate(OldTerminate);
  remove_fatal_error_handler();
  remove_bad_alloc_error_handler();
  LLVMRustInstallErrorHandlers();
  CrashRecoveryContext::Disable();

  if (!Finished) {
    Kind = Result::Crash;
    MessageOS << (Reason.empty() ? "it crashed" : Reason.c_str());
  }
  return Kind;
}
