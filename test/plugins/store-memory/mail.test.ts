import { mailContract } from '../../contracts/mail.js'
import { memoryStore } from './backend.js'

mailContract(memoryStore)
