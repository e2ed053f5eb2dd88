// Reads the summary of a module, or an index of a thin link, and calls a
// visitor in Rust (src/llvm/summary.rs) for each of its parts.

#include "Text.h"

#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/ModuleSummaryIndex.h"
#include "llvm/Support/CrashRecoveryContext.h"

using namespace llvm;

namespace {

// Mirrors `Value` in src/llvm/summary.rs.
struct Value {
  uint64_t GUID;
  // The path of its module.
  Text Module;
  uint8_t Kind;
  uint8_t Linkage;
  bool IsNotEligibleToImport;
  bool IsLive;
  bool IsDeclaration;
  // Of functions.
  bool IsNoInline;
  bool IsAlwaysInline;
  uint32_t Instructions;
  // Of aliases.
  uint64_t Aliasee;
};

// Mirrors `Visitor` in src/llvm/summary.rs. Every function gets `Summary`; calls and
// references are those of the last value.
struct Visitor {
  void *Summary;
  void (*Skipped)(void *);
  void (*Module)(void *, Text Path, const uint32_t *Hash);
  void (*Name)(void *, uint64_t GUID, Text Name);
  void (*Value)(void *, const struct Value *);
  void (*Call)(void *, uint64_t Callee, uint8_t Hotness);
  void (*Reference)(void *, uint64_t Value);
  void (*Error)(void *, Text Message);
};

void visitValue(GlobalValue::GUID GUID, const GlobalValueSummary &Summary,
                const Visitor &To) {
  struct Value Value = {GUID,
                        Summary.modulePath(),
                        static_cast<uint8_t>(Summary.getSummaryKind()),
                        static_cast<uint8_t>(Summary.linkage()),
                        Summary.notEligibleToImport(),
                        Summary.isLive(),
                        Summary.shouldImportAsDecl(),
                        false,
                        false,
                        0,
                        0};
  auto *Function = dyn_cast<FunctionSummary>(&Summary);
  if (Function) {
    Value.IsNoInline = Function->fflags().NoInline;
    Value.IsAlwaysInline = Function->fflags().AlwaysInline;
    Value.Instructions = Function->instCount();
  }
  // An index has aliases without what they name.
  auto *Alias = dyn_cast<AliasSummary>(&Summary);
  if (Alias && Alias->hasAliasee())
    Value.Aliasee = Alias->getAliaseeGUID();
  To.Value(To.Summary, &Value);
  if (Function)
    for (const auto &[Callee, Call] : Function->calls())
      To.Call(To.Summary, Callee.getGUID(),
              static_cast<uint8_t>(Call.getHotness()));
  for (const ValueInfo &Reference : Summary.refs())
    To.Reference(To.Summary, Reference.getGUID());
}

void visit(const ModuleSummaryIndex &Index, const Visitor &To) {
  if (Index.skipModuleByDistributedBackend())
    To.Skipped(To.Summary);
  for (const auto &Module : Index.modulePaths())
    To.Module(To.Summary, Module.getKey(), Module.getValue().data());
  for (const auto &Entry : Index) {
    ValueInfo Info = Index.getValueInfo(Entry);
    if (!Info.name().empty())
      To.Name(To.Summary, Info.getGUID(), Info.name());
    for (const auto &Summary : Info.getSummaryList())
      visitValue(Info.getGUID(), *Summary, To);
  }
}

// Reads the summary in a file. If the LTO unit is split, the file has a part
// for regular LTO as well, which has none for ThinLTO.
Expected<std::unique_ptr<ModuleSummaryIndex>> read(MemoryBufferRef Buffer) {
  auto Modules = getBitcodeModuleList(Buffer);
  if (!Modules)
    return Modules.takeError();
  for (BitcodeModule &Module : *Modules) {
    auto Info = Module.getLTOInfo();
    if (!Info)
      return Info.takeError();
    if (Info->IsThinLTO && Info->HasSummary)
      return Module.getSummary();
  }
  return createStringError("it has no ThinLTO summary");
}

} // namespace

// Reads bitcode, which is borrowed for the call. As it has no identifier here,
// the path of a module is empty in its own summary, and only there.
extern "C" void ModuleSummaryRead(const char *Data, size_t Length,
                                  const Visitor *To) {
  MemoryBufferRef Buffer(StringRef(Data, Length), "");
  std::string Message = "LLVM crashed: it is damaged";
  // LLVM checks the structure of bitcode, but not every number in it.
  CrashRecoveryContext::Enable();
  CrashRecoveryContext().RunSafely([&] {
    auto Index = read(Buffer);
    if (Index)
      visit(**Index, *To);
    Message = Index ? "" : toString(Index.takeError());
  });
  if (Message.empty())
    return;
  // Another LLVM may have written it.
  std::string Producer = expectedToOptional(getBitcodeProducerString(Buffer)).value_or("");
  if (!Producer.empty())
    Message += " (written by " + Producer + ")";
  To->Error(To->Summary, StringRef(Message));
}
