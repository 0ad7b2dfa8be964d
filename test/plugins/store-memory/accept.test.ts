import { acceptContract } from '../../contracts/accept.js'
import { memoryStore } from './backend.js'

acceptContract(memoryStore)
