import { bringingContract } from '../../contracts/bringing.js'
import { changesContract } from '../../contracts/changes.js'
import { mailboxContract } from '../../contracts/mailbox.js'
import { memoryStore } from './backend.js'

mailboxContract(memoryStore)
changesContract(memoryStore)
bringingContract(memoryStore)
