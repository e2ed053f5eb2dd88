// The target and the hash of a module, read from its bitcode without parsing it.

#include "ModuleRecords.h"

#include "llvm/Bitcode/LLVMBitCodes.h"
#include "llvm/Bitstream/BitstreamReader.h"

using namespace llvm;

// Steps over the record `ID`, and copies it if it is the triple or the hash.
static Error readRecord(BitstreamCursor &Stream, unsigned ID,
                        ModuleRecords &Records) {
  uint64_t Start = Stream.GetCurrentBitNo();
  auto Code = Stream.skipRecord(ID);
  if (!Code)
    return Code.takeError();
  if (*Code != bitc::MODULE_CODE_TRIPLE && *Code != bitc::MODULE_CODE_HASH)
    return Error::success();
  uint64_t End = Stream.GetCurrentBitNo();
  if (Error Err = Stream.JumpToBit(Start))
    return Err;
  SmallVector<uint64_t, 64> Record;
  if (auto Read = Stream.readRecord(ID, Record); !Read)
    return Read.takeError();
  if (*Code == bitc::MODULE_CODE_TRIPLE)
    Records.Triple.assign(Record.begin(), Record.end());
  else if (Record.size() == Records.Hash.size())
    copy(Record, Records.Hash.begin());
  return Stream.JumpToBit(End);
}

Expected<ModuleRecords> readModuleRecords(const BitcodeModule &Module) {
  ModuleRecords Records;
  // The identification block, if any, and the module's block.
  BitstreamCursor Stream(Module.getBuffer());
  bool InModule = false;
  while (true) {
    auto Entry = Stream.advance();
    if (!Entry)
      return Entry.takeError();
    switch (Entry->Kind) {
    case BitstreamEntry::Error:
      return createStringError(inconvertibleErrorCode(), "malformed block");
    case BitstreamEntry::EndBlock:
      return Records;
    case BitstreamEntry::SubBlock:
      if (!InModule && Entry->ID == bitc::MODULE_BLOCK_ID) {
        InModule = true;
        if (Error Err = Stream.EnterSubBlock(bitc::MODULE_BLOCK_ID))
          return Err;
      } else if (Error Err = Stream.SkipBlock())
        return Err;
      break;
    case BitstreamEntry::Record:
      if (Error Err = readRecord(Stream, Entry->ID, Records))
        return Err;
    }
  }
}
