// Distributed ThinLTO: the bitcode of a module, its thin-link summary, and the
// hash by which they are known to belong together.

#include "LLVMWrapper.h"

#include "llvm-c/Core.h"
#include "llvm/Analysis/ModuleSummaryAnalysis.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/Bitcode/LLVMBitCodes.h"
#include "llvm/Bitstream/BitstreamReader.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/ModuleSummaryIndex.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Transforms/IPO/ThinLTOBitcodeWriter.h"

#include <optional>

using namespace llvm;

static void
withModuleAnalyses(function_ref<void(ModuleAnalysisManager &)> Callback) {
  LoopAnalysisManager LAM;
  FunctionAnalysisManager FAM;
  CGSCCAnalysisManager CGAM;
  ModuleAnalysisManager MAM;
  PassBuilder PB;
  PB.registerModuleAnalyses(MAM);
  PB.registerCGSCCAnalyses(CGAM);
  PB.registerFunctionAnalyses(FAM);
  PB.registerLoopAnalyses(LAM);
  PB.crossRegisterProxies(LAM, FAM, CGAM, MAM);
  Callback(MAM);
}

// Serializes `M` once: its bitcode, with the summary and the module hash in it,
// goes to `Bitcode`, and the minimized bitcode that a thin link reads in its
// place goes to `Summary`. Both carry the same module hash. The caller owns all
// three; the strings are appended to.
extern "C" void LLVMRustWriteThinLinkBitcode(LLVMModuleRef M,
                                             RustStringRef Bitcode,
                                             RustStringRef Summary) {
  RawRustStringOstream BitcodeOS(Bitcode);
  RawRustStringOstream SummaryOS(Summary);
  withModuleAnalyses([&](ModuleAnalysisManager &MAM) {
    ThinLTOBitcodeWriterPass(BitcodeOS, &SummaryOS).run(*unwrap(M), MAM);
  });
}

// Appends to `Summary` what `LLVMRustWriteThinLinkBitcode` would, but for bitcode
// that exists already: `M` was read from it, and `Hash` is its module hash.
extern "C" void LLVMRustWriteThinLinkSummary(LLVMModuleRef M,
                                             const uint32_t (*Hash)[5],
                                             RustStringRef Summary) {
  RawRustStringOstream SummaryOS(Summary);
  ModuleHash ModHash;
  llvm::copy(*Hash, ModHash.begin());
  withModuleAnalyses([&](ModuleAnalysisManager &MAM) {
    writeThinLinkBitcodeToFile(
        *unwrap(M), SummaryOS,
        MAM.getResult<ModuleSummaryIndexAnalysis>(*unwrap(M)), ModHash);
  });
}

// The record of the hash is at the end of the module's block. Blocks in it, such
// as function bodies, are skipped by their lengths.
static Expected<std::optional<ModuleHash>>
readModuleHash(const BitcodeModule &Module) {
  // The identification block, if any, and the module's block.
  BitstreamCursor Stream(Module.getBuffer());
  SmallVector<uint64_t, 64> Record;
  while (!Stream.AtEndOfStream()) {
    Expected<BitstreamEntry> Entry = Stream.advance();
    if (!Entry)
      return Entry.takeError();
    switch (Entry->Kind) {
    case BitstreamEntry::Error:
      return createStringError(inconvertibleErrorCode(), "malformed block");
    case BitstreamEntry::EndBlock:
      return std::nullopt;
    case BitstreamEntry::SubBlock:
      if (Error Err = Entry->ID == bitc::MODULE_BLOCK_ID
                          ? Stream.EnterSubBlock(Entry->ID)
                          : Stream.SkipBlock())
        return std::move(Err);
      break;
    case BitstreamEntry::Record: {
      Record.clear();
      Expected<unsigned> Code = Stream.readRecord(Entry->ID, Record);
      if (!Code)
        return Code.takeError();
      ModuleHash Hash;
      if (*Code == bitc::MODULE_CODE_HASH && Record.size() == Hash.size()) {
        llvm::copy(Record, Hash.begin());
        return Hash;
      }
      break;
    }
    }
  }
  return std::nullopt;
}

static Expected<ModuleHash> readModuleHash(StringRef Bitcode) {
  Expected<std::vector<BitcodeModule>> Modules =
      getBitcodeModuleList(MemoryBufferRef(Bitcode, ""));
  if (!Modules)
    return Modules.takeError();
  // The second module of a split LTO unit has none.
  for (const BitcodeModule &Module : *Modules) {
    Expected<std::optional<ModuleHash>> Hash = readModuleHash(Module);
    if (!Hash)
      return Hash.takeError();
    if (*Hash)
      return **Hash;
  }
  return createStringError(inconvertibleErrorCode(), "it has no module hash");
}

// Stores the module hash in `Bitcode`, which has `Len` bytes: LLVM's hash of the
// module and its symbol names, which a thin-link summary has as well. Returns
// `false` and sets the last error if there is none. The caller owns both.
extern "C" bool LLVMRustReadModuleHash(const char *Bitcode, size_t Len,
                                       uint32_t (*Hash)[5]) {
  Expected<ModuleHash> ModHash = readModuleHash(StringRef(Bitcode, Len));
  if (!ModHash) {
    LLVMRustSetLastError(toString(ModHash.takeError()).c_str());
    return false;
  }
  llvm::copy(*ModHash, *Hash);
  return true;
}
