import { mailboxContract } from '../../contracts/mailbox.js'
import { memoryStore } from './backend.js'

mailboxContract(memoryStore)
